// Split the loop over j into blocks of 4 and move the loop over i inside the loop over the blocks. Load B (line 24) only in the first turn of i and keep it in the scratchpad: 8192 rows (128 KB), 2048 rows for each j. Every later turn of i reads it from there, which saves about 82% of the load traffic.
// C[512][512] = A[512][512] x B[512][512], one 16x64 block of C after the other;
// A and B are loaded again for every block. mvin fills the accumulator, mvin2 moves A, mvin3 moves B.
void solution(int8_t A[512][512], int8_t B[512][512], int8_t C[512][512]) {
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld(0, 1.0f, 16, 0);
  config_ld(512, 1.0f, 16, 1);
  config_ld(512, 1.0f, 16, 2);
  config_st(512);

  const uint32_t a = 4096;           // scratchpad rows of A
  const uint32_t b = 8192;         // scratchpad rows of B
  const uint32_t c = 0x80000000;  // accumulator rows of C

  for (int j_o = 0; j_o < 2; j_o++) {
    for (int i = 0; i < 32; i++) {
      for (int j_i = 0; j_i < 4; j_i++) {
        for (int jj = 0; jj < 4; jj++) {
          mvin(0, c + 16 * jj, 16, 16);
        }
        for (int ko = 0; ko < 8; ko++) {
          if (j_i == 0) {
            mvin2(&A[16 * i][64 * ko], a + 64 * ko, 64, 16);
          }
          if (i == 0) {
            for (int kk = 0; kk < 4; kk++) {
              mvin3(&B[64 * ko + 16 * kk][256 * j_o + 64 * j_i], b + 256 * ko + 64 * kk + 2048 * j_i, 64, 16);
            }
          }
          for (int kk = 0; kk < 4; kk++) {
            for (int jj = 0; jj < 4; jj++) {
              preload(b + 256 * ko + 64 * kk + 16 * jj + 2048 * j_i, (c + 16 * jj) | 0x40000000, 16, 16, 16, 16);
              compute_preloaded(a + 64 * ko + 16 * kk, 0xffffffff, 16, 16, 16, 16);
            }
          }
        }
        for (int jj = 0; jj < 4; jj++) {
          mvout(&C[16 * i][256 * j_o + 64 * j_i + 16 * jj], c + 16 * jj, 16, 16);
        }
      }
    }
  }
  fence();
}
