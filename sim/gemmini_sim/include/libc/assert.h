/* assert, which may be included again after a change of NDEBUG; see runtime/console.c. */
#undef assert
#ifdef NDEBUG
#define assert(condition) ((void)0)
#else
#define assert(condition) ((condition) ? (void)0 : gemmini_sim_assert_failed(#condition, __FILE__, __LINE__))
#endif

#ifndef GEMMINI_SIM_ASSERT_H
#define GEMMINI_SIM_ASSERT_H
__attribute__((noreturn)) void gemmini_sim_assert_failed(const char *condition, const char *file, int line);
#ifndef __cplusplus
#define static_assert _Static_assert
#endif
#endif
