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

void solution(float Bdyn[12][4], float Quu_inv[4][4], float Kinf[4][12], float AmBKt[12][12], float p[10][12][1], float d[9][4][1], float r[10][4][1], float q[10][12][1]) {
  static float Bp[4], Kr[12], Ap[12];
  for (int i = 8; i >= 0; i--) {
    multiply(&Bdyn[0][0], true, 4, 12, &p[i + 1][0][0], Bp);
    for (int j = 0; j < 4; j++) {
      Bp[j] += r[i][j][0];
    }
    multiply(&Quu_inv[0][0], true, 4, 4, Bp, &d[i][0][0]);
    multiply(&Kinf[0][0], true, 12, 4, &r[i][0][0], Kr);
    multiply(&AmBKt[0][0], false, 12, 12, &p[i + 1][0][0], Ap);
    for (int j = 0; j < 12; j++) {
      p[i][j][0] = q[i][j][0] + Ap[j] - Kr[j];
    }
  }
}
