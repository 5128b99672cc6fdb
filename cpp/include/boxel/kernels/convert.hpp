// Rows in and out: any stride and byte order to contiguous samples, natural values to any dtype.

namespace boxel::BOXEL_KERNELS {

template <class T>
BOXEL_INLINE T swap_bytes(T value) {
  if constexpr (sizeof(T) == 2) {
    return std::bit_cast<T>(__builtin_bswap16(std::bit_cast<std::uint16_t>(value)));
  } else if constexpr (sizeof(T) == 4) {
    return std::bit_cast<T>(__builtin_bswap32(std::bit_cast<std::uint32_t>(value)));
  } else if constexpr (sizeof(T) == 8) {
    return std::bit_cast<T>(__builtin_bswap64(std::bit_cast<std::uint64_t>(value)));
  } else {
    return value;
  }
}

template <class T>
BOXEL_INLINE auto widened(T value) {
  if constexpr (std::is_same_v<T, Bool>) {
    return static_cast<std::uint8_t>(value.byte != 0);
  } else if constexpr (std::is_same_v<T, Half>) {
    return half_to_float(value.bits);
  } else {
    return value;
  }
}

template <class From, bool Swapped, class To>
BOXEL_INLINE To load_sample(const std::byte* in) {
  From sample;
  std::memcpy(&sample, in, sizeof(From));
  if constexpr (Swapped) sample = swap_bytes(sample);
  return static_cast<To>(widened(sample));
}

// Samples a few items apart, such as one channel of an image: compilers vectorise the loop where
// the distance is a constant.
template <std::int64_t Step, class From, class To>
inline void load_spaced(To* samples, const std::byte* in, std::int64_t count) {
  constexpr auto stride = Step * static_cast<std::int64_t>(sizeof(From));
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < count; ++l) {
    samples[l] = load_sample<From, false, To>(in + l * stride);
  }
}

template <class From, bool Swapped, class To>
void convert_samples(void* out, const std::byte* in, std::int64_t stride, std::int64_t count) {
  To* samples = static_cast<To*>(out);
  if (stride == static_cast<std::int64_t>(sizeof(From))) {
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < count; ++l) {
      samples[l] = load_sample<From, Swapped, To>(in + l * static_cast<std::int64_t>(sizeof(From)));
    }
  } else if (stride == 0) {
    if (count > 0) std::fill_n(samples, count, load_sample<From, Swapped, To>(in));
  } else if (!Swapped && stride == 2 * static_cast<std::int64_t>(sizeof(From))) {
    load_spaced<2, From, To>(samples, in, count);
  } else if (!Swapped && stride == 3 * static_cast<std::int64_t>(sizeof(From))) {
    load_spaced<3, From, To>(samples, in, count);
  } else {
    for (std::int64_t l = 0; l < count; ++l) {
      samples[l] = load_sample<From, Swapped, To>(in + l * stride);
    }
  }
}

// The widest types take every dtype; the others only the dtype they stand for.
template <class From, class To>
constexpr bool converts() {
  using W = decltype(widened(std::declval<From>()));
  if constexpr (std::is_same_v<W, To> || std::is_same_v<To, double>) return true;
  if constexpr (std::is_floating_point_v<W>) return false;
  if constexpr (std::is_same_v<To, std::uint64_t>) return std::is_unsigned_v<W>;
  return std::is_same_v<To, std::int64_t> && !std::is_same_v<W, std::uint64_t>;
}

template <class From, bool Swapped>
Convert convert_to(Sample to) {
  switch (to) {
#define BOXEL_CASE(name, type)                     \
  case Sample::name:                               \
    if constexpr (converts<From, type>()) {        \
      return convert_samples<From, Swapped, type>; \
    } else {                                       \
      break;                                       \
    }
    BOXEL_CASE(int8, std::int8_t)
    BOXEL_CASE(int16, std::int16_t)
    BOXEL_CASE(int32, std::int32_t)
    BOXEL_CASE(int64, std::int64_t)
    BOXEL_CASE(uint8, std::uint8_t)
    BOXEL_CASE(uint16, std::uint16_t)
    BOXEL_CASE(uint32, std::uint32_t)
    BOXEL_CASE(uint64, std::uint64_t)
    BOXEL_CASE(float32, float)
    BOXEL_CASE(float64, double)
#undef BOXEL_CASE
  }
  throw std::logic_error("no conversion between these sample types");
}

inline Convert choose_convert(DType from, bool swapped, Sample to) {
  return visit(from, [=]<class From>(std::type_identity<From>) -> Convert {
    if constexpr (sizeof(From) > 1) {
      if (swapped) return convert_to<From, true>(to);
    }
    return convert_to<From, false>(to);
  });
}

// Rounds half to even and saturates. For the narrow types by adding 1.5 * 2^52, which leaves the
// rounded integer in the low bits of the sum; as bits of doubles are ordered like integers (all
// negative ones below all positive ones), values out of range saturate by integer comparisons,
// which every vector width has.
template <class I>
BOXEL_INLINE I saturate(double x) {
  using L = std::numeric_limits<I>;
  if constexpr (sizeof(I) <= 4) {
    constexpr double shifter = 0x1.8p52;
    constexpr auto zero = std::bit_cast<std::int64_t>(shifter);
    constexpr std::int64_t low = zero + static_cast<std::int64_t>(L::min());
    constexpr std::int64_t high = zero + static_cast<std::int64_t>(L::max());
    auto bits = std::bit_cast<std::int64_t>(x + shifter);
    bits = bits < low ? low : bits;
    bits = bits > high ? high : bits;
    return static_cast<I>(bits - zero);
  } else {
    const double rounded = std::nearbyint(x);
    if (rounded <= static_cast<double>(L::min())) return L::min();
    if (rounded >= static_cast<double>(L::max())) return L::max();
    return static_cast<I>(rounded);
  }
}

// Integer arithmetic on the bits: comparisons of doubles make slow reductions.
inline bool any_nan(const double* values, std::int64_t count) {
  constexpr std::int64_t infinity = 0x7ff0000000000000;
  std::int64_t signs = 0;
  for (std::int64_t l = 0; l < count; ++l) {
    signs |= infinity - (std::bit_cast<std::int64_t>(values[l]) & 0x7fffffffffffffff);
  }
  return signs < 0;
}

template <class To, class From>
BOXEL_INLINE To cast_value(From value) {
  if constexpr (std::is_same_v<To, Bool>) {
    return Bool{static_cast<std::uint8_t>(value != From{0})};
  } else if constexpr (std::is_same_v<To, Half>) {
    return Half{double_to_half(static_cast<double>(value))};
  } else if constexpr (std::is_floating_point_v<To>) {
    return static_cast<To>(value);
  } else if constexpr (std::is_floating_point_v<From>) {
    return saturate<To>(value);
  } else {
    using L = std::numeric_limits<To>;
    if (std::cmp_less(value, L::min())) return L::min();
    if (std::cmp_greater(value, L::max())) return L::max();
    return static_cast<To>(value);
  }
}

template <class From, class To>
bool cast_values(void* out, const void* in, std::int64_t count, const void* fill) {
  To* to = static_cast<To*>(out);
  const From* from = static_cast<const From*>(in);
  constexpr bool nan_has_no_value =
      std::is_floating_point_v<From> && (std::is_integral_v<To> || std::is_same_v<To, Bool>);
  if constexpr (nan_has_no_value) {
    if (!any_nan(from, count)) {
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < count; ++l) to[l] = cast_value<To>(from[l]);
      return true;
    }
    for (std::int64_t l = 0; l < count; ++l) {
      to[l] = cast_value<To>(from[l] != from[l] ? From{0} : from[l]);
    }
    if (!fill) return false;
    for (std::int64_t l = 0; l < count; ++l) {
      if (from[l] != from[l]) std::memcpy(to + l, fill, sizeof(To));
    }
    return true;
  } else {
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < count; ++l) to[l] = cast_value<To>(from[l]);
    return true;
  }
}

inline Cast choose_cast(Natural from, DType to) {
  return visit(to, [=]<class To>(std::type_identity<To>) -> Cast {
    switch (from) {
      case Natural::int64:
        return cast_values<std::int64_t, To>;
      case Natural::uint64:
        return cast_values<std::uint64_t, To>;
      case Natural::float64:
        return cast_values<double, To>;
    }
    throw std::logic_error("unknown natural type");
  });
}

inline void leave_out_masked(std::uint8_t* include, const std::uint8_t* masked,
                             std::int64_t lanes) {
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) {
    include[l] = static_cast<std::uint8_t>(include[l] & (masked[l] ? 0 : 1));
  }
}

inline void leave_out_nan(std::uint8_t* include, const double* samples, std::int64_t lanes) {
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) {
    include[l] = static_cast<std::uint8_t>(include[l] & (samples[l] == samples[l] ? 1 : 0));
  }
}

inline void leave_out_weightless(std::uint8_t* include, const double* weights, std::int64_t lanes) {
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) {
    include[l] = static_cast<std::uint8_t>(include[l] & (weights[l] > 0 ? 1 : 0));
  }
}

inline std::uint64_t read_words(const std::uint64_t* words, std::int64_t count) {
  std::uint64_t sums[32] = {};
  std::int64_t w = 0;
  for (; w + 32 <= count; w += 32) {
    for (int lane = 0; lane < 32; ++lane) sums[lane] += words[w + lane];
  }
  for (; w < count; ++w) sums[0] += words[w];
  std::uint64_t total = 0;
  for (const std::uint64_t sum : sums) total += sum;
  return total;
}

}  // namespace boxel::BOXEL_KERNELS
