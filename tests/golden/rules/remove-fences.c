// Remove the fence in line 31: the accelerator orders its own loads, computes and stores by the rows they use, and nothing reads from DRAM what they store before the next fence. Each fence lets the queues run empty.
// C[128][128] = A[128][128] x B[128][128], one 16x64 block of C after the other;
// A and B are loaded again for every block. mvin fills the accumulator, mvin2 moves A, mvin3 moves B.
void solution(int8_t A[128][128], int8_t B[128][128], int8_t C[128][128]) {
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld(0, 1.0f, 16, 0);
  config_ld(128, 1.0f, 16, 1);
  config_ld(128, 1.0f, 16, 2);
  config_st(128);

  const uint32_t a = 0;           // scratchpad rows of A
  const uint32_t b = 128;         // scratchpad rows of B
  const uint32_t c = 0x80000000;  // accumulator rows of C

  for (int i = 0; i < 8; i++) {
    for (int j = 0; j < 2; j++) {
      for (int jj = 0; jj < 4; jj++) {
        mvin(0, c + 16 * jj, 16, 16);
      }
      for (int ko = 0; ko < 2; ko++) {
        mvin2(&A[16 * i][64 * ko], a + 64 * ko, 64, 16);
        for (int kk = 0; kk < 4; kk++) {
          mvin3(&B[64 * ko + 16 * kk][64 * j], b + 256 * ko + 64 * kk, 64, 16);
        }
        for (int kk = 0; kk < 4; kk++) {
          for (int jj = 0; jj < 4; jj++) {
            preload(b + 256 * ko + 64 * kk + 16 * jj, (c + 16 * jj) | 0x40000000, 16, 16, 16, 16);
            compute_preloaded(a + 64 * ko + 16 * kk, 0xffffffff, 16, 16, 16, 16);
          }
        }
      }
      for (int jj = 0; jj < 4; jj++) {
        mvout(&C[16 * i][64 * j + 16 * jj], c + 16 * jj, 16, 16);
      }
    }
  }
  fence();
}
