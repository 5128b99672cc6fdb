// From a request to the accumulator that meets it, with lanes as narrow as the box allows.

namespace boxel::BOXEL_KERNELS {

template <class Visitor>
decltype(auto) visit_sample(Sample sample, Visitor&& visitor) {
  switch (sample) {
    case Sample::int8:
      return visitor(std::type_identity<std::int8_t>{});
    case Sample::int16:
      return visitor(std::type_identity<std::int16_t>{});
    case Sample::int32:
      return visitor(std::type_identity<std::int32_t>{});
    case Sample::int64:
      return visitor(std::type_identity<std::int64_t>{});
    case Sample::uint8:
      return visitor(std::type_identity<std::uint8_t>{});
    case Sample::uint16:
      return visitor(std::type_identity<std::uint16_t>{});
    case Sample::uint32:
      return visitor(std::type_identity<std::uint32_t>{});
    case Sample::uint64:
      return visitor(std::type_identity<std::uint64_t>{});
    case Sample::float32:
      return visitor(std::type_identity<float>{});
    case Sample::float64:
      return visitor(std::type_identity<double>{});
  }
  throw std::logic_error("unknown sample type");
}

// The narrowest of the types whose range holds `volume` samples of magnitude up to `largest`.
template <template <class, class> class A, class T, class First, class... Wider>
std::unique_ptr<Accumulator> narrowest(double volume, double largest) {
  if constexpr (sizeof...(Wider) > 0) {
    if (volume * largest > static_cast<double>(std::numeric_limits<First>::max())) {
      return narrowest<A, T, Wider...>(volume, largest);
    }
  }
  return std::make_unique<A<T, First>>();
}

// Zeros of integers have the same bits with a sign and without.
template <class T>
struct Unsigned
    : std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>, std::type_identity<T>> {};

template <class T>
std::unique_ptr<Accumulator> make_nonzero(double volume) {
  using U8 = std::uint8_t;
  using U16 = std::uint16_t;
  using U32 = std::uint32_t;
  using U64 = std::uint64_t;
  if constexpr (sizeof(T) == 1) return narrowest<Nonzero, T, U8, U16, U32, U64>(volume, 1);
  if constexpr (sizeof(T) == 2) return narrowest<Nonzero, T, U16, U32, U64>(volume, 1);
  if constexpr (sizeof(T) == 4) return narrowest<Nonzero, T, U32, U64>(volume, 1);
  return std::make_unique<Nonzero<T, U64>>();
}

template <class T>
std::unique_ptr<Accumulator> make_sum(double volume) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::make_unique<Sum<T, double>>();
  } else if constexpr (sizeof(T) == 8) {
    return std::make_unique<WideSum<T>>();
  } else {
    const double largest = largest_magnitude<T>();
    using W = typename Wider<T>::type;
    using Longest = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
    if constexpr (sizeof(T) == 1) {
      return narrowest<Sum, T, W, typename Wider<W>::type, Longest>(volume, largest);
    } else if constexpr (sizeof(T) == 2) {
      return narrowest<Sum, T, W, Longest>(volume, largest);
    } else {
      return std::make_unique<Sum<T, Longest>>();
    }
  }
}

template <class T>
std::unique_ptr<Accumulator> make_short_squares(double volume) {
  const double largest = largest_magnitude<T>();
  if (sizeof(T) == 1 && volume * largest * largest <= 0x1p32 - 1) {
    return std::make_unique<ShortSquares<T, std::int32_t>>();
  }
  return std::make_unique<ShortSquares<T, std::int64_t>>();
}

template <class T>
std::unique_ptr<Accumulator> make_dense(const StateRequest& request) {
  switch (request.kind) {
    case StateKind::nonzero:
      return make_nonzero<typename Unsigned<T>::type>(request.volume);
    case StateKind::sum:
      return make_sum<T>(request.volume);
    case StateKind::min:
      return std::make_unique<Extremum<T, false>>();
    case StateKind::max:
      return std::make_unique<Extremum<T, true>>();
    case StateKind::mean:
      if constexpr (std::is_same_v<T, double>) return std::make_unique<Moments<T, false>>();
      break;
    case StateKind::moments:
      if constexpr (std::is_floating_point_v<T>) {
        return std::make_unique<Moments<T, true>>();
      }
      break;
    case StateKind::float_sums:
      if constexpr (std::is_same_v<T, double>) return std::make_unique<FloatSums>();
      break;
    case StateKind::float_squares:
      if constexpr (std::is_same_v<T, float>) {
        return std::make_unique<FloatSquares>(request.row_window);
      }
      break;
    case StateKind::short_squares:
      if constexpr (sizeof(T) <= 2) return make_short_squares<T>(request.volume);
      break;
    case StateKind::squares:
      if constexpr (std::is_integral_v<T> && sizeof(T) <= 4) return std::make_unique<Squares<T>>();
      break;
    case StateKind::wide_squares:
      if constexpr (std::is_integral_v<T> && sizeof(T) == 8) {
        return std::make_unique<WideSquares<T>>();
      }
      break;
    case StateKind::higher_moments:
      if constexpr (std::is_same_v<T, double>) {
        if (request.order == 3) return std::make_unique<HigherMoments<3>>();
        if (request.order == 4) return std::make_unique<HigherMoments<4>>();
      }
      break;
    default:
      break;
  }
  throw std::logic_error("no accumulator of this kind for these samples");
}

template <bool HasWeights>
std::unique_ptr<Accumulator> make_powers(int order) {
  switch (order) {
    case 2:
      return std::make_unique<CountedPowers<2, HasWeights>>();
    case 3:
      return std::make_unique<CountedPowers<3, HasWeights>>();
    case 4:
      return std::make_unique<CountedPowers<4, HasWeights>>();
    default:
      throw std::logic_error("powers of deviations are kept up to the second, third or fourth");
  }
}

template <class X>
std::unique_ptr<Accumulator> make_masked(const StateRequest& request) {
  switch (request.kind) {
    case StateKind::count:
      return std::make_unique<MaskedCount>();
    case StateKind::nonzero:
      return std::make_unique<MaskedNonzero<X>>();
    case StateKind::sum:
      if constexpr (std::is_floating_point_v<X>) {
        return std::make_unique<MaskedFloatSum>();
      } else {
        return std::make_unique<MaskedWideSum<X>>();
      }
    case StateKind::min:
      return std::make_unique<MaskedExtremum<X, false>>();
    case StateKind::max:
      return std::make_unique<MaskedExtremum<X, true>>();
    case StateKind::mean:
    case StateKind::moments:
      return std::make_unique<MaskedMoments<X>>();
    case StateKind::squares:
      return std::make_unique<MaskedSquares<X>>();
    case StateKind::wide_squares:
      if constexpr (std::is_integral_v<X>) return std::make_unique<MaskedWideSquares<X>>();
      break;
    case StateKind::weighted:
      return std::make_unique<Weighted<X>>();
    case StateKind::higher_moments:
      if constexpr (std::is_floating_point_v<X>) return make_powers<false>(request.order);
      break;
    case StateKind::weighted_moments:
      if constexpr (std::is_floating_point_v<X>) return make_powers<true>(request.order);
      break;
    default:
      break;
  }
  throw std::logic_error("no masked accumulator of this kind");
}

inline std::unique_ptr<Accumulator> make_accumulator(const StateRequest& request) {
  if (!request.masked) {
    return visit_sample(request.sample,
                        [&]<class T>(std::type_identity<T>) { return make_dense<T>(request); });
  }
  switch (request.sample) {
    case Sample::int64:
      return make_masked<std::int64_t>(request);
    case Sample::uint64:
      return make_masked<std::uint64_t>(request);
    case Sample::float64:
      return make_masked<double>(request);
    default:
      throw std::logic_error("masked samples come as int64, uint64 or float64");
  }
}

inline std::unique_ptr<Selector> make_selector(const StateRequest& request) {
  return visit_sample(request.sample,
                      [&]<class T>(std::type_identity<T>) -> std::unique_ptr<Selector> {
                        return std::make_unique<Gathered<T>>(request.integral_midpoint);
                      });
}

inline constexpr KernelSet kernel_set{
    BOXEL_KERNELS_NAME, make_accumulator,     make_selector,
    choose_convert,     choose_cast,          leave_out_masked,
    leave_out_nan,      leave_out_weightless, survey,
    truncate_values,    read_words,           choose_transpose,
    unit_sums,
};

}  // namespace boxel::BOXEL_KERNELS
