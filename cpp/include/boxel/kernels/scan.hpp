// Windows of lanes by prefix sums: as many operations for any size. The difference of two prefix
// sums is exact modulo 2^n, and for floats where a Grid proves that no prefix is rounded.

namespace boxel::BOXEL_KERNELS {

template <class S>
struct Vector {
  typedef S type __attribute__((vector_size(BOXEL_VECTOR_BYTES)));
  static constexpr int lanes = BOXEL_VECTOR_BYTES / static_cast<int>(sizeof(S));
};

// Lane k of the result is lane k - By of `v`, or 0 where there is none.
template <int By, class S, int... K>
BOXEL_INLINE typename Vector<S>::type shifted_lanes(typename Vector<S>::type v,
                                                    std::integer_sequence<int, K...>) {
  const typename Vector<S>::type zero{};
  return __builtin_shufflevector(zero, v, (K < By ? K : Vector<S>::lanes + K - By)...);
}

template <class S, int By = 1>
BOXEL_INLINE typename Vector<S>::type scanned(typename Vector<S>::type v) {
  if constexpr (By < Vector<S>::lanes) {
    v += shifted_lanes<By, S>(v, std::make_integer_sequence<int, Vector<S>::lanes>{});
    return scanned<S, By * 2>(v);
  } else {
    return v;
  }
}

// Integers are added modulo 2^n: a prefix may pass what a box's sum does not.
template <class S, bool = std::is_integral_v<S>>
struct Modular : std::type_identity<S> {};
template <class S>
struct Modular<S, true> : std::make_unsigned<S> {};

// sums[l] = in[0] + ... + in[l - 1], for l <= lanes. Room for a vector more is needed behind both.
template <class S>
inline void prefix_sums(S* sums, const S* in, std::int64_t lanes) {
  using M = typename Modular<S>::type;
  using V = typename Vector<M>::type;
  constexpr std::int64_t width = Vector<M>::lanes;
  M carried{};
  sums[0] = S{};
  for (std::int64_t l = 0; l < lanes; l += width) {
    V samples;
    std::memcpy(&samples, in + l, sizeof(V));
    const V local = scanned<M>(samples);
    const V total = local + carried;
    std::memcpy(sums + l + 1, &total, sizeof(V));
    carried += local[width - 1];
  }
}

}  // namespace boxel::BOXEL_KERNELS
