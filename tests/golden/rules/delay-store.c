// Store each block of C (line 31) one turn of j later, in the middle of the loop over ko, and the last one behind the loop over j. The block is finished by then, so that the store does not wait for it at the head of its queue.
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
        mvin(0, c + 16 * jj + 512 * j, 16, 16);
      }
      for (int ko = 0; ko < 2; ko++) {
        if (ko == 1 && j > 0) {
          mvout(&C[16 * i][64 * j - 64], c + 512 * j - 512, 64, 16);
        }
        mvin2(&A[16 * i][64 * ko], a + 64 * ko, 64, 16);
        for (int kk = 0; kk < 4; kk++) {
          mvin3(&B[64 * ko + 16 * kk][64 * j], b + 256 * ko + 64 * kk, 64, 16);
        }
        for (int kk = 0; kk < 4; kk++) {
          for (int jj = 0; jj < 4; jj++) {
            preload(b + 256 * ko + 64 * kk + 16 * jj, (c + 16 * jj + 512 * j) | 0x40000000, 16, 16, 16, 16);
            compute_preloaded(a + 64 * ko + 16 * kk, 0xffffffff, 16, 16, 16, 16);
          }
        }
      }
    }
    mvout(&C[16 * i][64], c + 512, 64, 16);
  }
  fence();
}
