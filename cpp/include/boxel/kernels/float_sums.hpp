// Sums of float64 samples, for boxes that slide, as if they were rounded but once.
//
// Where a Grid proves that no sum of a part is rounded, in parts that were split at fixed places
// (Splits), or in words (SumWords). Else in three doubles, of which each holds what the one before
// lost. These hold sums of 145 bits without an error, too; only such are split, so that it never
// matters which way a sum was kept. Sums of samples that lie farther apart are off by 2^-150 of the
// largest.
//
// A sum that is larger than a double can be, as those of finite samples and their means may be, is
// kept in units of 2^64: its first row is infinite then, and the others hold the three doubles.

namespace boxel::BOXEL_KERNELS {

// What one lane holds while states merge, step by step with care for what is not finite.
struct WholeSum {
  static constexpr double unit = 0x1p64;

  Parts3 parts;
  double rest = 0;

  static WholeSum of(double sample) {
    if (is_finite(sample)) return {{sample, 0, 0}};
    return {{sample, sample, 0}};
  }

  bool is_large() const { return !is_finite(parts.high); }

  // In units of 2^64: infinite for infinite samples, NaN where there is one.
  Parts3 large() const {
    if (is_large()) return {parts.middle, parts.low, rest};
    return {parts.high / unit, parts.middle / unit, parts.low / unit};
  }

  static WholeSum of_large(Parts3 in_units) {
    if (std::isnan(in_units.high)) return {{not_a_number(), not_a_number(), 0}};
    const double sign = std::copysign(std::numeric_limits<double>::infinity(), in_units.high);
    return {{sign, in_units.high, in_units.middle}, in_units.low};
  }

  WholeSum plus(const WholeSum& other) const {
    if (!is_large() && !other.is_large()) {
      const Parts3 sum = add_parts(parts, other.parts);
      if (is_finite(sum.high)) return {sum};
    }
    const Parts3 a = large();
    const Parts3 b = other.large();
    const double plain = a.high + b.high;
    return of_large(is_finite(plain) ? add_parts(a, b) : Parts3{plain, 0, 0});
  }
};

class FloatSums final : public SplitSums<FloatSums, 4> {
  static constexpr int most_parts = 4;
  static constexpr int coarse_row = 0;
  static constexpr int fine_row = 1;
  // As many lanes at a time as stay in registers and the first-level cache, while it is open
  // whether they are finite.
  static constexpr std::int64_t strip_lanes = 64;

 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    if (merges()) return take_whole(state, group, lanes, taken);
    for_row_runs(group.count, [&]<int R>(int start) {
      const RowPointers<double, R> rows(group, start);
      if (words_) return word_rows(state).take(rows, words_, lanes, taken + start == 0);
      with_parts([&]<int Parts>() { take_split<Parts>(state, rows, lanes, taken + start == 0); });
    });
  }

  static void merge_whole(Lanes out, Lanes a, Lanes b, std::int64_t lanes) {
    const Places from(a);
    const Places other(b);
    update(
        out, lanes,
        [=](std::int64_t l) BOXEL_INLINED { return add_parts(from.parts(l), other.parts(l)); },
        [=](std::int64_t l) { return from.whole(l).plus(other.whole(l)); });
  }

  // Whether states are whole sums, which give up nothing.
  bool merges() const { return splits_.parts == 0 && !words_; }

  template <class Visit>
  void for_used_rows(Visit&& visit) const {
    if (words_) {
      visit(UsedRow<std::uint64_t>{coarse_row});
      visit(UsedRow<std::uint64_t>{fine_row});
    }
    for (int row = 0; row < splits_.parts; ++row) visit(UsedRow<double>{row});
  }

  template <class Visit>
  void for_windows(Visit&& visit) const {
    for_used_rows([&]<class S>(UsedRow<S> row) { visit(RowScan<S>{row, row}); });
  }

  bool may_exchange(const Grid& grid, double samples) const override {
    if (!in_range(grid, samples)) return false;
    if (words_) return words_.exact(grid, samples);
    return !merges() && splits_.exact(grid, samples);
  }

  // In as few rows as leave some bits for samples that come later, or else in the most. Two parts
  // are finished sooner than two words.
  bool begin_exchanges(const Grid& grid, double samples) override {
    end_exchanges();
    if (!in_range(grid, samples)) return false;
    if (try_parts(1, grid, samples * spare) || try_parts(2, grid, samples * spare)) return true;
    words_ = SumWords::placed(grid, samples);
    if (words_) return true;
    return try_parts(3, grid, samples * spare) || try_parts(most_parts, grid, samples);
  }
  void end_exchanges() override { splits_ = {}, words_ = {}; }

  void exchange(Lanes state, const void* added, const void* removed, std::int64_t lanes,
                std::int64_t ahead) override {
    const RowPointers<double, 1> rows(static_cast<const double*>(added));
    const auto* gone = static_cast<const double*>(removed);
    if (words_) return word_rows(state).exchange(rows, gone, words_, lanes, ahead);
    with_parts([&]<int Parts>() {
      const Places places(state);
      const Splits<most_parts> splits = splits_;
      for_strips(rows, lanes, ahead, [=](std::int64_t l) BOXEL_INLINED {
        double in[Parts];
        double out[Parts];
        split<Parts>(rows.rows[0][l], splits.shifts, in);
        split<Parts>(gone[l], splits.shifts, out);
        for (int k = 0; k < Parts; ++k) {
          places.rows[k][l] = exchanged(places.rows[k][l], in[k], out[k]);
        }
      });
    });
  }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double,
              void* out) override {
    auto* values = static_cast<double*>(out);
    const Places places(state);
    with_value(statistic, counts, [&](auto value) BOXEL_INLINED {
      if (merges()) return finish_whole_sums(places, lanes, value, values);
      if (words_) return finish_words(state, lanes, value, values);
      with_parts([&]<int Parts>() BOXEL_INLINED {
        BOXEL_EACH_LANE
        for (std::int64_t l = 0; l < lanes; ++l) {
          double parts[Parts];
          for (int k = 0; k < Parts; ++k) parts[k] = places.rows[k][l];
          values[l] = value(l, total<Parts, nearest_in_two>(parts));
        }
      });
    });
  }

 private:
  // Room for samples that are so many times as large, or as fine.
  static constexpr double spare = 0x1p4;

  // Three doubles hold all sums of so many bits, and so the same comes out where states merge.
  static bool in_range(const Grid& grid, double samples) {
    return grid.largest * samples < 0x1p145 * grid.finest && grid.finest > PartsQuotient::least &&
           grid.largest * samples < PartsQuotient::most;
  }

  bool try_parts(int parts, const Grid& grid, double samples) {
    const auto splits = Splits<most_parts>::placed(parts, grid, samples);
    if (!in_range(grid, samples) || !splits.exact(grid, samples)) return false;
    splits_ = splits;
    return true;
  }

  static SumWordRows word_rows(Lanes state) {
    return {state.row<std::uint64_t>(coarse_row), state.row<std::uint64_t>(fine_row)};
  }

  template <class Value>
  BOXEL_INLINE void finish_words(Lanes state, std::int64_t lanes, Value value, double* out) const {
    const SumWordRows rows = word_rows(state);
    const SumWords words = words_;
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) out[l] = value(l, rows.total(words, l));
  }

  struct Places {
    double* rows[most_parts];
    explicit Places(Lanes state) {
      for (int k = 0; k < most_parts; ++k) rows[k] = state.row<double>(k);
    }
    BOXEL_INLINE Parts3 parts(std::int64_t l) const { return {rows[0][l], rows[1][l], rows[2][l]}; }
    WholeSum whole(std::int64_t l) const { return {parts(l), rows[3][l]}; }
    void set(std::int64_t l, const WholeSum& sum) const {
      rows[0][l] = sum.parts.high;
      rows[1][l] = sum.parts.middle;
      rows[2][l] = sum.parts.low;
      rows[3][l] = sum.rest;
    }
  };

  template <class Body>
  BOXEL_INLINE void with_parts(Body&& body) const {
    switch (splits_.parts) {
      case 1:
        return body.template operator()<1>();
      case 2:
        return body.template operator()<2>();
      case 3:
        return body.template operator()<3>();
      case 4:
        return body.template operator()<4>();
      default:
        throw std::logic_error("sums of floats give up samples only where split");
    }
  }

  // Calls visit(first lane, lanes) for strips of lanes.
  template <class Visit>
  BOXEL_INLINE static void for_each_strip(std::int64_t lanes, Visit visit) {
    std::int64_t first = 0;
    for (; first + strip_lanes <= lanes; first += strip_lanes) visit(first, strip_lanes);
    if (first < lanes) visit(first, lanes - first);
  }

  // state[l] = sum_at(l), or whole_at(l) in strips where some are not finite. A lane is read before
  // it is written, and so are those behind it in the same rows.
  template <class SumAt, class WholeAt>
  BOXEL_INLINE static void update(Lanes state, std::int64_t lanes, SumAt sum_at, WholeAt whole_at) {
    const Places places(state);
    for_each_strip(lanes, [&](std::int64_t first, std::int64_t count) BOXEL_INLINED {
      double high[strip_lanes];
      double middle[strip_lanes];
      double low[strip_lanes];
      std::int64_t room = 0;
      BOXEL_EACH_LANE
      for (std::int64_t k = 0; k < count; ++k) {
        const Parts3 sum = sum_at(first + k);
        high[k] = sum.high;
        middle[k] = sum.middle;
        low[k] = sum.low;
        room |= bits_below(std::numeric_limits<double>::max(), sum.high);
      }
      if (room >= 0) {
        copy_few(high, count, places.rows[0] + first);
        copy_few(middle, count, places.rows[1] + first);
        copy_few(low, count, places.rows[2] + first);
        return;
      }
      WholeSum sums[strip_lanes];
      for (std::int64_t k = 0; k < count; ++k) sums[k] = whole_at(first + k);
      for (std::int64_t k = 0; k < count; ++k) places.set(first + k, sums[k]);
    });
  }

  // Negative where a magnitude is larger, or no number: positive floats are ordered like their
  // bits.
  BOXEL_INLINE static std::int64_t bits_below(double limit, double value) {
    constexpr std::int64_t magnitude = std::numeric_limits<std::int64_t>::max();
    return std::bit_cast<std::int64_t>(limit) - (std::bit_cast<std::int64_t>(value) & magnitude);
  }

  static void take_whole(Lanes state, const RowGroup& group, std::int64_t lanes,
                         std::int64_t taken) {
    const Places places(state);
    for (int k = 0; k < group.count; ++k) {
      const auto* row = static_cast<const double*>(group.samples[static_cast<std::size_t>(k)]);
      if (taken + k == 0) {
        // Zeros that stand beyond a border are split, too: all parts of them are zeros.
        std::fill_n(places.rows[3], lanes, 0.0);
        update(
            state, lanes, [=](std::int64_t l) BOXEL_INLINED { return Parts3{row[l], 0.0, 0.0}; },
            [=](std::int64_t l) { return WholeSum::of(row[l]); });
      } else {
        update(
            state, lanes,
            [=](std::int64_t l) BOXEL_INLINED { return add_parts(places.parts(l), row[l]); },
            [=](std::int64_t l) { return places.whole(l).plus(WholeSum::of(row[l])); });
      }
    }
  }

  template <int Parts, int R>
  void take_split(Lanes state, const RowPointers<double, R>& rows, std::int64_t lanes,
                  bool first) const {
    const Places places(state);
    const Splits<most_parts> splits = splits_;
    const auto sums_at = [=](std::int64_t l, double* sums) BOXEL_INLINED {
      split<Parts>(rows.rows[0][l], splits.shifts, sums);
      for (int k = 1; k < R; ++k) {
        double terms[Parts];
        split<Parts>(rows.rows[k][l], splits.shifts, terms);
        for (int part = 0; part < Parts; ++part) sums[part] += terms[part];
      }
    };
    if (first) {
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        double sums[Parts];
        sums_at(l, sums);
        for (int part = 0; part < Parts; ++part) places.rows[part][l] = sums[part];
      }
      return;
    }
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      double sums[Parts];
      sums_at(l, sums);
      for (int part = 0; part < Parts; ++part) places.rows[part][l] += sums[part];
    }
  }

  // Calls body(from a lane and its sum to its value).
  template <class Body>
  BOXEL_INLINE static void with_value(Statistic statistic, Counts counts, Body&& body) {
    if (statistic == Statistic::sum) {
      body([](std::int64_t, Parts2 sum) BOXEL_INLINED { return plain_zero(sum.high); });
    } else if (counts.per_lane) {
      body([counts](std::int64_t l, Parts2 sum) BOXEL_INLINED {
        const double mean = PartsQuotient(as_double(counts.per_lane[l]))(sum);
        return mean == mean ? plain_zero(mean) : not_a_number();
      });
    } else {
      body([quotient = PartsQuotient(counts.uniform)](std::int64_t, Parts2 sum)
               BOXEL_INLINED { return plain_zero(quotient(sum)); });
    }
  }

  // Negative where values come out wrong of a sum. Zeros are plain.
  BOXEL_INLINE static std::int64_t plain_room(double sum) {
    const double or_one = sum == 0 ? 1.0 : sum;
    return bits_below(PartsQuotient::most, or_one) | ~bits_below(PartsQuotient::least, or_one);
  }

  template <class Value>
  BOXEL_INLINE static void finish_whole_sums(const Places& places, std::int64_t lanes, Value value,
                                             double* out) {
    for_each_strip(lanes, [&](std::int64_t first, std::int64_t count) BOXEL_INLINED {
      std::int64_t room = 0;
      BOXEL_EACH_LANE
      for (std::int64_t l = first; l < first + count; ++l) {
        const Parts2 sum = nearest_in_two(places.parts(l));
        room |= plain_room(sum.high);
        out[l] = value(l, sum);
      }
      if (room >= 0) return;
      // Only these: the others must not depend on what stands beside them.
      for (std::int64_t l = first; l < first + count; ++l) {
        if (plain_room(nearest_in_two(places.parts(l)).high) >= 0) continue;
        out[l] = value_of_any(places.whole(l), l, value);
      }
    });
  }

  // Of sums of any size, scaled to where values come out right.
  template <class Value>
  static double value_of_any(const WholeSum& whole, std::int64_t l, Value value) {
    const Parts3 parts = whole.is_large() ? whole.large() : whole.parts;
    if (!is_finite(parts.high)) return std::isnan(parts.high) ? not_a_number() : parts.high;
    const Parts2 sum = nearest_in_two(parts);
    if (sum.high == 0) return value(l, {0.0, 0.0});
    const int exponent = std::ilogb(sum.high);
    const Parts2 scaled{std::ldexp(sum.high, -exponent), std::ldexp(sum.low, -exponent)};
    return std::ldexp(value(l, scaled), exponent + (whole.is_large() ? 64 : 0));
  }

  Splits<most_parts> splits_;
  SumWords words_;
};

}  // namespace boxel::BOXEL_KERNELS
