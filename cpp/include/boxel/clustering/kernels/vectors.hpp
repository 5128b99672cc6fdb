// Vectors as wide as the registers.

#ifndef BOXEL_EACH_ELEMENT
#define BOXEL_ALWAYS_INLINE inline __attribute__((always_inline))
#define BOXEL_TO_PRAGMA(text) _Pragma(#text)
// No element depends on another one.
#if defined(__clang__)
#define BOXEL_EACH_ELEMENT BOXEL_TO_PRAGMA(clang loop vectorize(assume_safety))
#else
#define BOXEL_EACH_ELEMENT BOXEL_TO_PRAGMA(GCC ivdep)
#endif
#endif

namespace boxel::BOXEL_KERNELS {

template <class T>
using Vector __attribute__((vector_size(BOXEL_VECTOR_BYTES))) = T;

template <class T>
inline constexpr std::int64_t vector_lanes = BOXEL_VECTOR_BYTES / static_cast<int>(sizeof(T));

template <class T, int Lanes>
using Lanewise __attribute__((vector_size(Lanes * sizeof(T)))) = T;

template <int From, class T, int Lanes, int... Lane>
BOXEL_ALWAYS_INLINE Lanewise<T, Lanes> some_lanes(const auto& vector,
                                                  std::integer_sequence<int, Lane...>) {
  return __builtin_shufflevector(vector, vector, (From + Lane)...);
}

// The least lane, in as many steps as the vector can be halved.
template <class T, int Lanes>
BOXEL_ALWAYS_INLINE T least_of_lanes(const auto& vector) {
  if constexpr (Lanes == 2) {
    return vector[0] < vector[1] ? vector[0] : vector[1];
  } else {
    constexpr auto half = std::make_integer_sequence<int, Lanes / 2>{};
    const Lanewise<T, Lanes / 2> low = some_lanes<0, T, Lanes / 2>(vector, half);
    const Lanewise<T, Lanes / 2> high = some_lanes<Lanes / 2, T, Lanes / 2>(vector, half);
    const Lanewise<T, Lanes / 2> least = low < high ? low : high;
    return least_of_lanes<T, Lanes / 2>(least);
  }
}

template <class T>
BOXEL_ALWAYS_INLINE T least_lane(const Vector<T>& vector) {
  return least_of_lanes<T, static_cast<int>(vector_lanes<T>)>(vector);
}

template <class T>
BOXEL_ALWAYS_INLINE Vector<T> load(const T* from) {
  Vector<T> vector;
  std::memcpy(&vector, from, sizeof(vector));
  return vector;
}

}  // namespace boxel::BOXEL_KERNELS
