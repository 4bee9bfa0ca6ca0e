// Fuse the loops over i (line 4) and j (line 10): one loop does for each turn what both do. What the first brings is used sooner, and the commands of both are mixed instead of coming in bursts.
void solution(int8_t A[64][64], int8_t B[64][64], int8_t C[64][64]) {
  config_st(64);
  config_ld(64, 1.0f, 16, 1);
  for (int i = 0; i < 4; i++) {
    const uint32_t tile = 64 * (i % 2);
    const uint32_t last = tile + 48;
    mvin2(&A[16 * i][0], tile, 64, 16);
    mvout(&B[16 * i][48], last, 16, 16);
    const uint32_t tile2 = 512 + 64 * i;
    mvin2(&A[16 * i][0], tile2, 64, 16);
    mvout(&C[16 * i][0], tile2, 64, 16);
  }
  fence();
}
