// What is looked for in many distances and seldom found.

namespace boxel::BOXEL_KERNELS {

template <class T>
BOXEL_ALWAYS_INLINE bool is_distance(T value) {
  return value >= T{0} && value <= std::numeric_limits<T>::max();
}

template <class T>
std::int64_t check(const T* values, std::int64_t count, T* largest) {
  constexpr std::int64_t block = 1024;
  const Vector<T> limit = Vector<T>{} + std::numeric_limits<T>::max();
  Vector<T> most = Vector<T>{} + *largest;
  T rest = *largest;
  for (std::int64_t first = 0; first < count; first += block) {
    const std::int64_t end = std::min(first + block, count);
    auto valid = most >= Vector<T>{};
    std::int64_t k = first;
    for (; k + vector_lanes<T> <= end; k += vector_lanes<T>) {
      const Vector<T> next = load(values + k);
      valid &= (next >= Vector<T>{}) & (next <= limit);
      most = next > most ? next : most;
    }
    bool all = least_lane<IndexOf<T>>(-valid) != 0;
    for (; k < end; ++k) {
      all &= is_distance(values[k]);
      rest = values[k] > rest ? values[k] : rest;
    }
    if (!all) {
      for (k = first; is_distance(values[k]);) ++k;
      return k;
    }
  }
  *largest = -least_lane<T>(-most);
  *largest = rest > *largest ? rest : *largest;
  return -1;
}

template <class T>
std::int64_t light(const T* row, const T* reach, T own, std::int64_t count, std::int32_t* places) {
  constexpr std::int64_t vectors = 4;
  constexpr std::int64_t block = vectors * vector_lanes<T>;
  const Vector<T> own_reach = Vector<T>{} + own;
  std::int64_t found = 0;
  const auto is_light = [&](std::int64_t k) { return (row[k] <= reach[k]) | (row[k] <= own); };
  std::int64_t k = 0;
  for (; k + block <= count; k += block) {
    auto any = (load(row + k) <= load(reach + k)) | (load(row + k) <= own_reach);
    for (std::int64_t v = 1; v < vectors; ++v) {
      const Vector<T> values = load(row + k + v * vector_lanes<T>);
      any |= (values <= load(reach + k + v * vector_lanes<T>)) | (values <= own_reach);
    }
    if (least_lane<IndexOf<T>>(any) == 0) continue;  // true is -1
    for (std::int64_t place = k; place < k + block; ++place) {
      places[found] = static_cast<std::int32_t>(place);
      found += is_light(place) ? 1 : 0;
    }
  }
  for (; k < count; ++k) {
    places[found] = static_cast<std::int32_t>(k);
    found += is_light(k) ? 1 : 0;
  }
  return found;
}

}  // namespace boxel::BOXEL_KERNELS
