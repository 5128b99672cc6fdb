// Sums: exact for integers, in float64 for floats.

namespace boxel::BOXEL_KERNELS {

template <class S>
inline void finish_sum(Statistic statistic, const S* sums, std::int64_t lanes, Counts counts,
                       void* out) {
  if (statistic == Statistic::mean) {
    divide_lanes(static_cast<double*>(out), sums, lanes, counts);
  } else if constexpr (std::is_floating_point_v<S>) {
    auto* results = static_cast<double*>(out);
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) results[l] = plain_zero(sums[l]);
  } else if constexpr (std::is_unsigned_v<S>) {
    std::copy_n(sums, lanes, static_cast<std::uint64_t*>(out));
  } else {
    std::copy_n(sums, lanes, static_cast<std::int64_t*>(out));
  }
}

template <class S>
constexpr Natural natural_of_sum(Statistic statistic) {
  if (statistic == Statistic::mean || std::is_floating_point_v<S>) return Natural::float64;
  return std::is_unsigned_v<S> ? Natural::uint64 : Natural::int64;
}

// sum / count rounded toward zero, for sums that a double does not hold; 0 where nothing counts.
template <class S, class SumAt>
inline void whole_quotients(void* out, std::int64_t lanes, Counts counts, SumAt sum_at) {
  using N = std::conditional_t<std::is_unsigned_v<S>, std::uint64_t, std::int64_t>;
  N* quotients = static_cast<N*>(out);
  for (std::int64_t l = 0; l < lanes; ++l) {
    const std::int64_t count =
        counts.per_lane ? counts.per_lane[l] : static_cast<std::int64_t>(counts.uniform);
    quotients[l] = count ? static_cast<N>(sum_at(l) / static_cast<Int128>(count)) : N{0};
  }
}

// The next wider type, in which a group of eight samples cannot overflow.
template <class T>
struct Wider;
template <>
struct Wider<std::uint8_t> : std::type_identity<std::uint16_t> {};
template <>
struct Wider<std::int8_t> : std::type_identity<std::int16_t> {};
template <>
struct Wider<std::uint16_t> : std::type_identity<std::uint32_t> {};
template <>
struct Wider<std::int16_t> : std::type_identity<std::int32_t> {};
template <>
struct Wider<std::uint32_t> : std::type_identity<std::uint64_t> {};
template <>
struct Wider<std::int32_t> : std::type_identity<std::int64_t> {};
template <>
struct Wider<float> : std::type_identity<double> {};
template <>
struct Wider<double> : std::type_identity<double> {};

// The dtype whose samples T are, for results that return to it.
template <class T>
constexpr DType dtype_of_sample() {
  if constexpr (std::is_same_v<T, std::uint8_t>) return DType::uint8;
  if constexpr (std::is_same_v<T, std::int8_t>) return DType::int8;
  if constexpr (std::is_same_v<T, std::uint16_t>) return DType::uint16;
  if constexpr (std::is_same_v<T, std::int16_t>) return DType::int16;
  if constexpr (std::is_same_v<T, std::uint32_t>) return DType::uint32;
  if constexpr (std::is_same_v<T, std::int32_t>) return DType::int32;
  if constexpr (std::is_same_v<T, std::uint64_t>) return DType::uint64;
  if constexpr (std::is_same_v<T, std::int64_t>) return DType::int64;
  if constexpr (std::is_same_v<T, float>) return DType::float32;
  return DType::float64;
}

// Means of 2^shift integers, rounded half to even by integer arithmetic alone: pyramids of images
// need nothing else. A mean lies within T's range, so that nothing saturates.
template <class T, class S>
inline void shift_means(T* out, const S* sums, std::int64_t lanes, int shift) {
  const auto below_half = static_cast<S>((S{1} << (shift - 1)) - 1);
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) {
    const auto odd = static_cast<S>((sums[l] >> shift) & 1);
    out[l] = static_cast<T>((sums[l] + below_half + odd) >> shift);
  }
}

// Rounds half to even what lies between -2^22 and 2^22, by the low bits of a float.
BOXEL_INLINE std::int32_t rounded(float x) {
  constexpr float shifter = 0x1.8p23F;
  return std::bit_cast<std::int32_t>(x + shifter) - std::bit_cast<std::int32_t>(shifter);
}

// Means of an odd number of integers, none of which is half way between two: a quotient in float64
// is much less off than they are away from that.
template <class T, class S>
inline void round_odd_means(T* out, const S* sums, std::int64_t lanes, std::int32_t count) {
  const double reciprocal = 1.0 / count;
  // Casts round toward zero, which is down where nothing is negative.
  constexpr std::int32_t lowest = std::numeric_limits<T>::min();
  constexpr double up = 0.5 - lowest;
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) {
    const double mean = static_cast<double>(static_cast<std::int32_t>(sums[l])) * reciprocal;
    out[l] = static_cast<T>(static_cast<std::int32_t>(mean + up) + lowest);
  }
}

// Means of integers, rounded half to even. In float32, a quotient is off by its 2^-23rd and hardly
// more (two roundings), and so by less than 2^-23 of a number above them all; where an odd count
// keeps the exact one farther than that from a half, it is right, and else at most off by one,
// which the remainder tells.
template <class T, class S>
inline void round_means(T* out, const S* sums, std::int64_t lanes, std::int32_t count) {
  const float reciprocal = 1.0F / static_cast<float>(count);
  const float largest = static_cast<float>(std::numeric_limits<T>::max()) + 1.0F;
  if (count % 2 == 1 && largest * static_cast<float>(count) < 0x1p22F) {
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      out[l] = static_cast<T>(
          rounded(static_cast<float>(static_cast<std::int32_t>(sums[l])) * reciprocal));
    }
    return;
  }
  if (count % 2 == 1) return round_odd_means(out, sums, lanes, count);
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) {
    const auto sum = static_cast<std::int32_t>(sums[l]);
    const std::int32_t near = rounded(static_cast<float>(sum) * reciprocal);
    const std::int32_t twice = 2 * (sum - near * count);
    // Beyond a half it is one more or less; at a half the even one of the two.
    std::int32_t step = twice > count ? 1 : 0;
    step -= twice < -count ? 1 : 0;
    step += (twice == count ? 1 : 0) & near;
    step -= (twice == -count ? 1 : 0) & near;
    out[l] = static_cast<T>(near + step);
  }
}

// The same for long sums, by their means in float64, whose last digits stand for less than the
// distance of any fraction from a half. False for so many samples that their sum might be no
// double.
template <class T, class S>
inline bool round_long_means(T* out, const S* sums, std::int64_t lanes, double count) {
  if (count >= 0x1p34) return false;
  constexpr double shifter = 0x1.8p52;
  divide_small_lanes(sums, lanes, {count, nullptr},
                     [out](std::int64_t l, double mean) BOXEL_INLINED {
                       const double whole = (mean + shifter) - shifter;
                       out[l] = static_cast<T>(static_cast<std::int32_t>(whole));
                     });
  return true;
}

// S is chosen so wide that no sum over a whole box overflows.
template <class T, class S>
class Sum final : public SlotTaker<Sum<T, S>, T, S, AddedRows<S, 1>> {
  using G = typename Wider<T>::type;

 public:
  template <int R>
  BOXEL_SHARED static void take_rows(Lanes state, const RowPointers<T, R>& rows, std::int64_t lanes,
                                     std::int64_t before, std::int64_t ahead) {
    S* sums = state.row<S>(0);
    const auto sum_at = [=](std::int64_t l) BOXEL_INLINED {
      return static_cast<S>(sum_rows<G, 0, R>(rows.rows, l, [](T x) { return static_cast<G>(x); }));
    };
    if (before == 0) {
      for_lines(rows, lanes, ahead,
                [=](std::int64_t l, std::int64_t) BOXEL_INLINED { sums[l] = sum_at(l); });
    } else {
      for_strips(rows, lanes, ahead, [=](std::int64_t l) BOXEL_INLINED {
        sums[l] = static_cast<S>(sums[l] + sum_at(l));
      });
    }
  }

  bool takes_runs() const override { return std::is_floating_point_v<S>; }
  void take_runs(Lanes state, const SampleRuns& runs) override {
    if constexpr (std::is_floating_point_v<S>) {
      const auto ahead = static_cast<std::uintptr_t>(runs.ahead);
      const std::int64_t packed = runs.positions - runs.positions % pack_lanes;
      for (std::int64_t position = 0; position < packed; position += pack_lanes) {
        const std::byte* place = runs.first + position * runs.stride;
        Pack sum{};
        for_run_groups(runs.length, [&]<int R, bool First>(int start) BOXEL_INLINED {
          const std::byte* group = place + start * std::int64_t{sizeof(T)};
          if (ahead) prefetch_pack(reinterpret_cast<std::uintptr_t>(group) + ahead, runs.stride);
          Pack samples[R];
          load_packs<T, R>(samples, group, runs.stride);
          const Pack added = sum_terms<Pack, 0, R>([&](int k) BOXEL_INLINED { return samples[k]; });
          sum = First ? added : sum + added;
        });
        store_pack(state.row<S>(0) + position, sum);
      }
      take_last_runs<Sum, T>(state, runs, packed);
    } else {
      Accumulator::take_runs(state, runs);
    }
  }

  void take_constant(Lanes state, std::int64_t lanes, Value value, double times, double) override {
    S added;
    if constexpr (std::is_floating_point_v<S>) {
      added = value.floating * times;
    } else {
      added = static_cast<S>(value.integer * static_cast<std::int64_t>(times));
    }
    S* sums = state.row<S>(0);
    for (std::int64_t l = 0; l < lanes; ++l) sums[l] = static_cast<S>(sums[l] + added);
  }

  Subtraction subtraction() const override {
    return std::is_floating_point_v<S> ? Subtraction::if_exact : Subtraction::always;
  }

  void exchange(Lanes state, const void* added, const void* removed, std::int64_t lanes,
                std::int64_t ahead) override {
    S* sums = state.row<S>(0);
    const T* a = static_cast<const T*>(added);
    const T* r = static_cast<const T*>(removed);
    for_strips(RowPointers<T, 1>(a), lanes, ahead, [=](std::int64_t l) BOXEL_INLINED {
      sums[l] = exchanged(sums[l], static_cast<S>(a[l]), static_cast<S>(r[l]));
    });
  }

  Natural natural(Statistic statistic) const override { return natural_of_sum<S>(statistic); }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double,
              void* out) override {
    finish_sum(statistic, state.row<S>(0), lanes, counts, out);
  }

  // Sums of 32 bits are far from where a quotient in float64 could be rounded up to an integer.
  bool finishes_whole() const override { return std::is_integral_v<S> && sizeof(S) == 8; }
  void finish_whole(Lanes state, std::int64_t lanes, Counts counts, void* out) override {
    if constexpr (std::is_integral_v<S>) {
      const S* sums = state.row<S>(0);
      whole_quotients<S>(out, lanes, counts,
                         [=](std::int64_t l) { return static_cast<Int128>(sums[l]); });
    } else {
      AddedRows<S, 1>::finish_whole(state, lanes, counts, out);
    }
  }

  static bool finishes_as(DType dtype, Statistic statistic, double count) {
    return statistic == Statistic::mean && dtype == dtype_of_sample<T>() && count >= 2;
  }

  bool finish_windows_as(DType dtype, Statistic statistic, Lanes in, const RowWindows& windows,
                         void* out) override {
    if (!finishes_as(dtype, statistic, windows.count)) return false;
    bool done = false;
    if constexpr (std::is_same_v<T, float>) {
      const auto slide = [&](auto mean) {
        using Store = FinishedWindows<S, decltype(mean)>;
        const S* sums = in.row<S>(0);
        auto* means = static_cast<std::byte*>(out);
        for (std::int64_t row = 0; row < windows.rows; ++row) {
          done = slide_windows(sums, windows, Store{reinterpret_cast<float*>(means), mean});
          sums += windows.pitch;
          means += windows.stride;
        }
      };
      // Sums that may be exchanged are exact.
      with_float_mean(windows.count, windows.exchanges, slide);
    }
    return done;
  }

  bool finish_as(DType dtype, Statistic statistic, Lanes state, std::int64_t lanes, double count,
                 void* out) override {
    if (!finishes_as(dtype, statistic, count)) return false;
    if constexpr (std::is_same_v<T, float>) {
      divide_to_float(static_cast<float*>(out), state.row<S>(0), lanes, count);
      return true;
    } else if constexpr (sizeof(T) <= 2 && sizeof(S) == 8) {
      return round_long_means(static_cast<T*>(out), state.row<S>(0), lanes, count);
    } else if constexpr (sizeof(T) <= 2) {
      // Twice a remainder must fit; only boxes of some 2^15 samples come near.
      const double largest = static_cast<double>(std::numeric_limits<T>::max()) + 1.0;
      const double limit = static_cast<double>(std::numeric_limits<std::int32_t>::max());
      if ((largest + 1.0) * count > limit) return false;
      if (exact_reciprocal(count)) {
        if ((largest + 1.0) * count > static_cast<double>(std::numeric_limits<S>::max()))
          return false;
        shift_means(static_cast<T*>(out), state.row<S>(0), lanes, std::ilogb(count));
      } else {
        round_means(static_cast<T*>(out), state.row<S>(0), lanes, static_cast<std::int32_t>(count));
      }
      return true;
    }
    return false;
  }
};

// Sums of 64-bit integers in two halves, so that their mean is right past 2^64: the signed high
// halves and the unsigned low halves cannot overflow below 2^31 samples, and the two recombine
// modulo 2^64 (a sum, which wraps) or in 128 bits (a mean).
template <class T>
class WideSum : public AddedRows<std::int64_t, 2> {
 public:
  void take(Lanes state, const RowGroup& group, std::int64_t lanes, std::int64_t taken) override {
    std::int64_t* high = state.row<std::int64_t>(0);
    std::int64_t* low = state.row<std::int64_t>(1);
    if (taken == 0) {
      std::fill_n(high, lanes, 0);
      std::fill_n(low, lanes, 0);
    }
    for (int k = 0; k < group.count; ++k) {
      const T* row = static_cast<const T*>(group.samples[static_cast<std::size_t>(k)]);
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        high[l] += static_cast<std::int64_t>(row[l] >> 32);
        low[l] += static_cast<std::int64_t>(static_cast<std::uint64_t>(row[l]) & 0xffffffffu);
      }
    }
    carry(high, low, lanes);
  }

  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes, double na, double nb) override {
    AddedRows<std::int64_t, 2>::merge(out, a, b, lanes, na, nb);
    carry(out.row<std::int64_t>(0), out.row<std::int64_t>(1), lanes);
  }

  void take_constant(Lanes state, std::int64_t lanes, Value value, double times, double) override {
    const auto bits = static_cast<T>(value.integer);
    const auto copies = static_cast<std::int64_t>(times);
    const auto product = static_cast<Int128>(bits) * copies;
    std::int64_t* high = state.row<std::int64_t>(0);
    std::int64_t* low = state.row<std::int64_t>(1);
    for (std::int64_t l = 0; l < lanes; ++l) {
      high[l] += static_cast<std::int64_t>(product >> 32);
      low[l] += static_cast<std::int64_t>(static_cast<std::uint64_t>(product) & 0xffffffffu);
    }
    carry(high, low, lanes);
  }

  Subtraction subtraction() const override { return Subtraction::always; }

  void exchange(Lanes state, const void* added, const void* removed, std::int64_t lanes,
                std::int64_t) override {
    std::int64_t* high = state.row<std::int64_t>(0);
    std::int64_t* low = state.row<std::int64_t>(1);
    const T* a = static_cast<const T*>(added);
    const T* r = static_cast<const T*>(removed);
    constexpr auto low_half = [](T x) {
      return static_cast<std::int64_t>(static_cast<std::uint64_t>(x) & 0xffffffffu);
    };
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      high[l] += static_cast<std::int64_t>(a[l] >> 32) - static_cast<std::int64_t>(r[l] >> 32);
      low[l] += low_half(a[l]) - low_half(r[l]);
    }
    carry(high, low, lanes);
  }

  void merge_ahead(Lanes out, Lanes in, std::int64_t lanes, std::int64_t step, int terms,
                   double held) override {
    AddedRows<std::int64_t, 2>::merge_ahead(out, in, lanes, step, terms, held);
    carry(out.row<std::int64_t>(0), out.row<std::int64_t>(1), lanes);
  }

  void exchange_windows(Lanes out, Lanes in, std::int64_t lanes, std::int64_t size) override {
    AddedRows<std::int64_t, 2>::exchange_windows(out, in, lanes, size);
    carry(out.row<std::int64_t>(0), out.row<std::int64_t>(1), lanes);
  }

  void exchange_states(Lanes out, Lanes from, Lanes added, Lanes removed,
                       std::int64_t lanes) override {
    AddedRows<std::int64_t, 2>::exchange_states(out, from, added, removed, lanes);
    carry(out.row<std::int64_t>(0), out.row<std::int64_t>(1), lanes);
  }

  bool finishes_whole() const override { return true; }
  void finish_whole(Lanes state, std::int64_t lanes, Counts counts, void* out) override {
    const std::int64_t* high = state.row<std::int64_t>(0);
    const std::int64_t* low = state.row<std::int64_t>(1);
    whole_quotients<T>(out, lanes, counts, [=](std::int64_t l) {
      return (static_cast<Int128>(high[l]) << 32) + low[l];
    });
  }

  Natural natural(Statistic statistic) const override { return natural_of_sum<T>(statistic); }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double,
              void* out) override {
    finish_halves<T>(statistic, state.row<std::int64_t>(0), state.row<std::int64_t>(1), lanes,
                     counts, out);
  }

  // Keeps the low halves below 2^32, so that any number of rows can follow.
  static void carry(std::int64_t* high, std::int64_t* low, std::int64_t lanes) {
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      high[l] += low[l] >> 32;
      low[l] &= 0xffffffff;
    }
  }

  template <class U>
  static void finish_halves(Statistic statistic, const std::int64_t* high, const std::int64_t* low,
                            std::int64_t lanes, Counts counts, void* out) {
    if (statistic == Statistic::mean) {
      auto* means = static_cast<double*>(out);
      for (std::int64_t l = 0; l < lanes; ++l) {
        const Int128 sum = (static_cast<Int128>(high[l]) << 32) + low[l];
        means[l] = exact_quotient(
            sum, counts.per_lane ? counts.per_lane[l] : static_cast<std::int64_t>(counts.uniform));
      }
      return;
    }
    auto* sums = static_cast<std::uint64_t*>(out);
    for (std::int64_t l = 0; l < lanes; ++l) {
      sums[l] = (static_cast<std::uint64_t>(high[l]) << 32) + static_cast<std::uint64_t>(low[l]);
    }
  }
};

}  // namespace boxel::BOXEL_KERNELS
