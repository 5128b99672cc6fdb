// Sums of x and x^2 of float32 samples, for boxes that slide: the variance comes from n sum(x^2) -
// sum(x)^2, as it does for integers.
//
// The square of a float32 has 48 bits and is a double. Sums are kept in parts whose exact total
// counts: as double-doubles, which merge by Knuth's sum of two (1969); or, where a Grid proves that
// no sum of a part is rounded, in parts that were split at fixed places (Splits), as whole numbers
// of a unit (SquareUnits), or the squares in words (SquareWords). What comes out depends on the
// totals alone, not on how they are kept.
//
// With 106 bits, n sum(x^2) - sum(x)^2 loses nothing that matters: the spread of float32 samples
// cancels at most 48 of them. That of a constant is 0 exactly for up to 2^26 samples.

namespace boxel::BOXEL_KERNELS {

class FloatSquares final : public SplitSums<FloatSquares, 6> {
  // Sums of x in up to two parts, of x^2 in up to four, or two words; in one row each in units.
  static constexpr int x_row = 0;
  static constexpr int square_row = 2;
  static constexpr CarriedRows square_words{square_row, square_row + 1};
  static constexpr UsedRow<double> square_rests{square_row + 2};
  static constexpr UsedRow<std::uint64_t> low_halves{square_row + 3};

 public:
  // `window`: the most lanes of a row that are merged, by windows alone (StateRequest).
  explicit FloatSquares(double window) : window_(window) {}

  // Two in units, three to five in parts and words.
  int usual_rows() const override { return 4; }

  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    if (units_) return unit_rows(state).take(group, units_, lanes, taken);
    for (int k = 0; k < group.count; ++k) {
      const auto* row = static_cast<const float*>(group.samples[static_cast<std::size_t>(k)]);
      const bool first = taken + k == 0;
      if (merges()) {
        take_merged(state, row, lanes, first);
      } else if (words_) {
        with_word_rows(state,
                       [&](const auto& rows) { rows.take(row, x_splits_, words_, lanes, first); });
      } else {
        with_parts([&]<int X, int Q>()
                       BOXEL_INLINED { take_split<X, Q>(state, row, lanes, first); });
      }
    }
  }

  static void merge_whole(Lanes out, Lanes a, Lanes b, std::int64_t lanes) {
    for (const int row : {x_row, square_row}) {
      double* high = out.row<double>(row);
      double* low = out.row<double>(row + 1);
      const double* a_high = a.row<double>(row);
      const double* a_low = a.row<double>(row + 1);
      const double* b_high = b.row<double>(row);
      const double* b_low = b.row<double>(row + 1);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        const Parts2 sum = add_parts(Parts2{a_high[l], a_low[l]}, Parts2{b_high[l], b_low[l]});
        high[l] = sum.high;
        low[l] = sum.low;
      }
    }
  }

  // Whether states are double-doubles, which give up nothing.
  bool merges() const { return x_splits_.parts == 0 && !units_; }

  template <class Visit>
  void for_used_rows(Visit&& visit) const {
    if (units_) {
      visit(UsedRow<double>{x_row});
      visit(UsedRow<std::uint64_t>{square_row});
    }
    for (int k = 0; k < x_splits_.parts; ++k) visit(UsedRow<double>{x_row + k});
    for (int k = 0; k < square_splits_.parts; ++k) visit(UsedRow<double>{square_row + k});
    if (words_) visit(square_words);
    if (words_.has_rest) visit(square_rests);
  }

  template <class Visit>
  void for_windows(Visit&& visit) const {
    constexpr UsedRow<std::uint64_t> high{square_row};
    constexpr UsedRow<std::uint64_t> low{square_row + 1};
    if (units_.halves()) {
      visit(RowScan<double>{{x_row}, {x_row}});
      visit(RowScan<std::uint64_t, HighHalves>{high, high});
      visit(RowScan<std::uint64_t, LowHalves>{high, low});
      return;
    }
    for_used_rows([&](auto rows) {
      if constexpr (std::is_same_v<decltype(rows), CarriedRows>) {
        visit(RowScan<std::uint64_t>{high, high});
        visit(RowScan<std::uint64_t, HighHalves>{low, low});
        visit(RowScan<std::uint64_t, LowHalves>{low, low_halves});
      } else {
        visit(RowScan{rows, rows});
      }
    });
  }

  void settle_windows(Lanes windows, std::int64_t lanes) const {
    if (words_) carry_halves(square_words.of(windows), low_halves.of(windows), lanes);
  }

  bool may_exchange(const Grid& grid, double samples) const override {
    if (units_) return units_.exact(grid, samples);
    if (merges() || !x_splits_.exact(grid, samples)) return false;
    if (words_) return words_.exact(squared(grid), samples);
    return square_splits_.exact(squared(grid), samples);
  }

  // In as few rows as serve, with room for samples that come later where that takes no more.
  bool begin_exchanges(const Grid& grid, double samples) override {
    end_exchanges();
    for (const double window : {1.0, window_}) {
      units_ = SquareUnits::placed(grid, samples, window);
      if (units_) return true;
    }
    if (try_parts(1, 2, grid, samples * spare)) return true;
    if (try_parts(1, 2, grid, samples)) return true;
    if (try_words(1, grid, samples, false)) return true;
    // One row more than with words, which take longer to finish.
    if (try_parts(2, 3, grid, samples)) return true;
    if (try_words(2, grid, samples, false) || try_words(2, grid, samples, true)) return true;
    return try_parts(2, 4, grid, samples);
  }
  void end_exchanges() override { units_ = {}, x_splits_ = {}, square_splits_ = {}, words_ = {}; }

  void exchange(Lanes state, const void* added, const void* removed, std::int64_t lanes,
                std::int64_t ahead) override {
    const RowPointers<float, 1> rows(static_cast<const float*>(added));
    const auto* gone = static_cast<const float*>(removed);
    if (units_) return unit_rows(state).exchange(rows, gone, units_, lanes, ahead);
    if (words_) {
      return with_word_rows(state, [&](const auto& sums) {
        sums.exchange(rows, gone, x_splits_, words_, lanes, ahead);
      });
    }
    with_parts([&]<int X, int Q>() BOXEL_INLINED {
      const Places<X, Q> places(state);
      const Splits x_splits = x_splits_;
      const Splits square_splits = square_splits_;
      for_strips(rows, lanes, ahead, [=](std::int64_t l) BOXEL_INLINED {
        const Terms<X, Q> in(rows.rows[0][l], x_splits, square_splits);
        const Terms<X, Q> out(gone[l], x_splits, square_splits);
        for (int k = 0; k < X; ++k) places.x[k][l] = places.x[k][l] + in.x[k] - out.x[k];
        for (int k = 0; k < Q; ++k) places.q[k][l] = places.q[k][l] + in.q[k] - out.q[k];
      });
    });
  }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double ddof,
              void* out) override {
    auto* values = static_cast<double*>(out);
    if (units_) {
      const UnitSquareRows rows = unit_rows(state);
      const auto finish_units = [&](auto square) BOXEL_INLINED {
        const auto scaled = [rows, square](std::int64_t l, double count) BOXEL_INLINED {
          return scaled_m2(two_product(rows.sums[l], rows.sums[l]), square(l), count);
        };
        finish_scaled(statistic, scaled, units_.unit * units_.unit, lanes, counts, ddof, values);
      };
      if (units_.halves()) {
        finish_units([rows](std::int64_t l) BOXEL_INLINED { return rows.square_of_halves(l); });
      } else {
        finish_units([rows](std::int64_t l) BOXEL_INLINED { return rows.square(l); });
      }
    } else if (words_) {
      with_word_rows(state, [&](const auto& rows) {
        finish_words(statistic, rows, lanes, counts, ddof, values);
      });
    } else if (merges()) {
      finish_parts<2, 2>(statistic, state, lanes, counts, ddof, values);
    } else {
      with_parts([&]<int X, int Q>() BOXEL_INLINED {
        finish_parts<X, Q>(statistic, state, lanes, counts, ddof, values);
      });
    }
  }

 private:
  // Room for samples that are so many times as large, or as fine.
  static constexpr double spare = 0x1p8;

  static Grid squared(const Grid& grid) {
    return {grid.largest * grid.largest, grid.finest * grid.finest};
  }

  bool try_parts(int x_parts, int square_parts, const Grid& grid, double samples) {
    const auto x = Splits<2>::placed(x_parts, grid, samples);
    const auto squares = Splits<4>::placed(square_parts, squared(grid), samples);
    if (!x.exact(grid, samples) || !squares.exact(squared(grid), samples)) return false;
    x_splits_ = x;
    square_splits_ = squares;
    return true;
  }

  // Squares in words: as many rows as two parts take, or three with a rest, which hold more.
  bool try_words(int x_parts, const Grid& grid, double samples, bool has_rest) {
    const auto x = Splits<2>::placed(x_parts, grid, samples);
    if (!x.exact(grid, samples)) return false;
    words_ = SquareWords::placed(squared(grid), samples, has_rest);
    if (words_) x_splits_ = x;
    return static_cast<bool>(words_);
  }

  template <class Body>
  BOXEL_INLINE void with_word_rows(Lanes state, Body&& body) const {
    double* x = state.row<double>(x_row);
    double* lower_x = state.row<double>(x_row + 1);
    double* rests = square_rests.of(state);
    const CarriedRows::Places squares = square_words.of(state);
    if (words_.has_rest) return body(SquareWordRows<2, true>{{x, lower_x}, squares, rests});
    if (x_splits_.parts == 2) return body(SquareWordRows<2, false>{{x, lower_x}, squares, rests});
    body(SquareWordRows<1, false>{{x}, squares, rests});
  }

  template <class Body>
  BOXEL_INLINE void with_parts(Body&& body) const {
    if (merges()) throw std::logic_error("sums of squares give up samples only where split");
    if (square_splits_.parts == 4) return body.template operator()<2, 4>();
    if (square_splits_.parts == 3) return body.template operator()<2, 3>();
    body.template operator()<1, 2>();
  }

  static UnitSquareRows unit_rows(Lanes state) {
    return {state.row<double>(x_row), state.row<std::uint64_t>(square_row),
            state.row<std::uint64_t>(square_row + 1)};
  }

  template <int X, int Q>
  struct Places {
    double* x[X];
    double* q[Q];
    explicit Places(Lanes state) {
      for (int k = 0; k < X; ++k) x[k] = state.row<double>(x_row + k);
      for (int k = 0; k < Q; ++k) q[k] = state.row<double>(square_row + k);
    }
  };

  template <int X, int Q>
  struct Terms {
    double x[X];
    double q[Q];
    BOXEL_INLINE Terms(float sample, const Splits<2>& x_splits, const Splits<4>& square_splits) {
      const auto value = static_cast<double>(sample);
      split<X>(value, x_splits.shifts, x);
      split<Q>(value * value, square_splits.shifts, q);
    }
  };

  template <int X, int Q>
  void take_split(Lanes state, const float* row, std::int64_t lanes, bool first) const {
    const Places<X, Q> places(state);
    const Splits x_splits = x_splits_;
    const Splits square_splits = square_splits_;
    if (first) {
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        const Terms<X, Q> terms(row[l], x_splits, square_splits);
        for (int k = 0; k < X; ++k) places.x[k][l] = terms.x[k];
        for (int k = 0; k < Q; ++k) places.q[k][l] = terms.q[k];
      }
      return;
    }
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      const Terms<X, Q> terms(row[l], x_splits, square_splits);
      for (int k = 0; k < X; ++k) places.x[k][l] += terms.x[k];
      for (int k = 0; k < Q; ++k) places.q[k][l] += terms.q[k];
    }
  }

  static void take_merged(Lanes state, const float* row, std::int64_t lanes, bool first) {
    // The parts that double-doubles lack: zeros that stand beyond a border are none the less split.
    for (const int row : {square_row + 2, square_row + 3}) {
      if (first) std::fill_n(state.row<double>(row), lanes, 0.0);
    }
    const Places<2, 2> places(state);
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      const auto value = static_cast<double>(row[l]);
      const Parts2 x = first
                           ? Parts2{value, 0.0}
                           : add_parts(Parts2{places.x[0][l], places.x[1][l]}, Parts2{value, 0.0});
      const Parts2 q =
          first ? Parts2{value * value, 0.0}
                : add_parts(Parts2{places.q[0][l], places.q[1][l]}, Parts2{value * value, 0.0});
      places.x[0][l] = x.high;
      places.x[1][l] = x.low;
      places.q[0][l] = q.high;
      places.q[1][l] = q.low;
    }
  }

  static BOXEL_INLINE Parts2 square_of(Parts2 x) {
    const Parts2 square = two_product(x.high, x.high);
    return {square.high, square.low + 2 * x.high * x.low};
  }

  // n sum(x^2) - sum(x)^2; what is not finite ends as NaN.
  static BOXEL_INLINE double scaled_m2(Parts2 square, Parts2 q, double count) {
    const Parts2 scaled = two_product(count, q.high);
    const double low = (scaled.low + count * q.low) - square.low;
    const double m2 = (scaled.high - square.high) + low;
    return m2 < 0 ? 0.0 : m2;
  }

  template <int X>
  static BOXEL_INLINE Parts2 square_of_sum(double* const* rows, std::int64_t l) {
    double x[X];
    for (int k = 0; k < X; ++k) x[k] = rows[k][l];
    return X == 1 ? two_product(x[0], x[0]) : square_of(total<X, in_two>(x));
  }

  template <int X, int Q>
  static void finish_parts(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts,
                           double ddof, double* out) {
    const Places<X, Q> places(state);
    const auto scaled = [places](std::int64_t l, double count) BOXEL_INLINED {
      double q[Q];
      for (int k = 0; k < Q; ++k) q[k] = places.q[k][l];
      return scaled_m2(square_of_sum<X>(places.x, l), total<Q, in_two>(q), count);
    };
    finish_scaled(statistic, scaled, 1.0, lanes, counts, ddof, out);
  }

  template <int X, bool HasRest>
  void finish_words(Statistic statistic, const SquareWordRows<X, HasRest>& rows, std::int64_t lanes,
                    Counts counts, double ddof, double* out) const {
    const SquareWords words = words_;
    const auto scaled = [rows, words](std::int64_t l, double count) BOXEL_INLINED {
      return scaled_m2(square_of_sum<X>(rows.x, l), rows.total(words, l), count);
    };
    finish_scaled(statistic, scaled, 1.0, lanes, counts, ddof, out);
  }

  // scaled(lane, count): n sum(x^2) - sum(x)^2, in a unit, which is a power of two.
  template <class Scaled>
  static BOXEL_INLINE void finish_scaled(Statistic statistic, Scaled scaled, double unit,
                                         std::int64_t lanes, Counts counts, double ddof,
                                         double* out) {
    const auto factor = [ddof, unit](double count) BOXEL_INLINED {
      const double freedom = count - ddof;
      return freedom > 0 ? unit / (count * freedom) : not_a_number();
    };
    if (counts.per_lane) {
      for (std::int64_t l = 0; l < lanes; ++l) {
        const auto count = static_cast<double>(counts.per_lane[l]);
        out[l] = scaled(l, count) * factor(count);
      }
    } else {
      const double count = counts.uniform;
      const double by = factor(count);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) out[l] = scaled(l, count) * by;
    }
    if (statistic != Statistic::std) return;
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) out[l] = std::sqrt(out[l]);
  }

  double window_;
  SquareUnits units_;
  Splits<2> x_splits_;
  Splits<4> square_splits_;
  SquareWords words_;
};

}  // namespace boxel::BOXEL_KERNELS
