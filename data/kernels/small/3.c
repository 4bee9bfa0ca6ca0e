// A 3x3 convolution, 6 pixels and 16 channels of the output at a time.
// Weights and pixels are loaded again for every block. mvin fills the accumulator, mvin2 moves weights, mvin3 pixels.
void solution(int8_t inp[1][8][8][16], int8_t weights[3][3][16][16], int32_t bias[1][16], int8_t output[1][6][6][16]) {
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld(0, 1.0f, 16, 0);
  config_ld(16, 1.0f, 16, 1);
  config_ld(16, 1.0f, 16, 2);
  config_st(16);

  const uint32_t x = 0;           // scratchpad rows of pixels
  const uint32_t w = 16;          // scratchpad rows of weights
  const uint32_t y = 0x80000000;  // accumulator rows of the output

  for (int n = 0; n < 1; n++) {
    for (int p = 0; p < 6; p++) {
      for (int q = 0; q < 1; q++) {
        const int pixels = 6;
        for (int k = 0; k < 1; k++) {
          for (int kk = 0; kk < 1; kk++) {
            mvin(&bias[0][16 * k + 16 * kk], y + 16 * kk, 16, pixels);
          }
          for (int r = 0; r < 3; r++) {
            for (int s = 0; s < 3; s++) {
              for (int c = 0; c < 1; c++) {
                for (int cc = 0; cc < 1; cc++) {
                  mvin2(&weights[r][s][16 * c + 16 * cc][16 * k], w + 16 * cc, 16, 16);
                }
                mvin3(&inp[n][p + r][16 * q + s][16 * c], x, 16, pixels);
                for (int cc = 0; cc < 1; cc++) {
                  for (int kk = 0; kk < 1; kk++) {
                    preload(w + 16 * cc + 16 * kk, (y + 16 * kk) | 0x40000000, 16, 16, 16, pixels);
                    compute_preloaded(x + 16 * cc, 0xffffffff, 16, pixels, 16, 16);
                  }
                }
              }
            }
          }
          for (int kk = 0; kk < 1; kk++) {
            mvout(&output[n][p][16 * q][16 * k + 16 * kk], y + 16 * kk, 16, pixels);
          }
        }
      }
    }
  }
  fence();
}
