static inline int smaller(int a, int b) { return a < b ? a : b; }

// y = M x, or y = M' x, one tile of M after the other; y has rows elements and x has columns.
static void multiply(const float *M, bool transposed, int rows, int columns, const float *x, float *y) {
  const uint32_t m = 0, v = DIM, sum = 0x80000000;
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, transposed, false);
  config_ld(4 * (transposed ? rows : columns), 1.0f, DIM, 0);
  config_ld(4, 1.0f, DIM, 1);
  config_st(4);
  for (int i = 0; i < rows; i += DIM) {
    const int tall = smaller(DIM, rows - i);
    for (int k = 0; k < columns; k += DIM) {
      const int wide = smaller(DIM, columns - k);
      if (transposed) {
        mvin(M + k * rows + i, m, tall, wide);
      } else {
        mvin(M + i * columns + k, m, wide, tall);
      }
      mvin2(x + k, v, 1, wide);
      preload(v, k == 0 ? sum : sum | 0x40000000, 1, wide, 1, tall);
      compute_preloaded(m, 0xffffffff, wide, tall, DIM, DIM);
    }
    mvout(y + i, sum, 1, tall);
  }
  fence();
}

void solution(float Adyn[12][12], float Bdyn[12][4], float Kinf[4][12], float x[6][12][1], float d[5][4][1], float u[5][4][1]) {
  static float Kx[4], Ax[12], Bu[12];
  for (int i = 0; i < 5; i++) {
    multiply(&Kinf[0][0], false, 4, 12, &x[i][0][0], Kx);
    for (int j = 0; j < 4; j++) {
      u[i][j][0] = -Kx[j] - d[i][j][0];
    }
    multiply(&Adyn[0][0], false, 12, 12, &x[i][0][0], Ax);
    multiply(&Bdyn[0][0], false, 12, 4, &u[i][0][0], Bu);
    for (int j = 0; j < 12; j++) {
      x[i + 1][j][0] = Ax[j] + Bu[j];
    }
  }
}
