// C[16][16] = A[16][16] x B[16][16], one 16x16 block of C after the other;
// A and B are loaded again for every block. mvin fills the accumulator, mvin2 moves A, mvin3 moves B.
void solution(int8_t A[16][16], int8_t B[16][16], int8_t C[16][16]) {
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld(0, 1.0f, 16, 0);
  config_ld(16, 1.0f, 16, 1);
  config_ld(16, 1.0f, 16, 2);
  config_st(16);

  const uint32_t a = 0;           // scratchpad rows of A
  const uint32_t b = 16;          // scratchpad rows of B
  const uint32_t c = 0x80000000;  // accumulator rows of C

  for (int i = 0; i < 1; i++) {
    for (int j = 0; j < 1; j++) {
      for (int jj = 0; jj < 1; jj++) {
        mvin(0, c + 16 * jj, 16, 16);
      }
      for (int ko = 0; ko < 1; ko++) {
        mvin2(&A[16 * i][16 * ko], a, 16, 16);
        for (int kk = 0; kk < 1; kk++) {
          mvin3(&B[16 * ko + 16 * kk][16 * j], b + 16 * kk, 16, 16);
        }
        for (int kk = 0; kk < 1; kk++) {
          for (int jj = 0; jj < 1; jj++) {
            preload(b + 16 * kk + 16 * jj, (c + 16 * jj) | 0x40000000, 16, 16, 16, 16);
            compute_preloaded(a + 16 * kk, 0xffffffff, 16, 16, 16, 16);
          }
        }
      }
      for (int jj = 0; jj < 1; jj++) {
        mvout(&C[16 * i][16 * j + 16 * jj], c + 16 * jj, 16, 16);
      }
    }
  }
  fence();
}
