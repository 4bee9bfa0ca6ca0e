// A 3x3 convolution, 14 pixels and 64 channels of the output at a time.
// Weights and pixels are loaded again for every block. mvin fills the accumulator, mvin2 moves weights, mvin3 pixels.
void solution(int8_t inp[4][16][16][256], int8_t weights[3][3][256][256], int32_t bias[1][256], int8_t output[4][14][14][256]) {
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld(0, 1.0f, 16, 0);
  config_ld(256, 1.0f, 16, 1);
  config_ld(256, 1.0f, 16, 2);
  config_st(256);

  const uint32_t x = 0;           // scratchpad rows of pixels
  const uint32_t w = 64;          // scratchpad rows of weights
  const uint32_t y = 0x80000000;  // accumulator rows of the output

  for (int n = 0; n < 4; n++) {
    for (int p = 0; p < 14; p++) {
      for (int q = 0; q < 1; q++) {
        const int pixels = 14;
        for (int k = 0; k < 4; k++) {
          for (int kk = 0; kk < 4; kk++) {
            mvin(&bias[0][64 * k + 16 * kk], y + 16 * kk, 16, pixels);
          }
          for (int r = 0; r < 3; r++) {
            for (int s = 0; s < 3; s++) {
              for (int c = 0; c < 4; c++) {
                for (int cc = 0; cc < 4; cc++) {
                  mvin2(&weights[r][s][64 * c + 16 * cc][64 * k], w + 64 * cc, 64, 16);
                }
                mvin3(&inp[n][p + r][16 * q + s][64 * c], x, 64, pixels);
                for (int cc = 0; cc < 4; cc++) {
                  for (int kk = 0; kk < 4; kk++) {
                    preload(w + 64 * cc + 16 * kk, (y + 16 * kk) | 0x40000000, 16, 16, 16, pixels);
                    compute_preloaded(x + 16 * cc, 0xffffffff, 16, pixels, 16, 16);
                  }
                }
              }
            }
          }
          for (int kk = 0; kk < 4; kk++) {
            mvout(&output[n][p][16 * q][64 * k + 16 * kk], y + 16 * kk, 16, pixels);
          }
        }
      }
    }
  }
  fence();
}
