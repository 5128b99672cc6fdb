// The least of a row and its first place: one pass finds the block that holds it, a look into that
// block the place.

namespace boxel::BOXEL_KERNELS {

// A row to which a penalty is added: infinite where nothing may be found.
template <class T>
struct Penalised {
  const T* row;
  const T* penalty;
  BOXEL_ALWAYS_INLINE T at(std::int64_t k) const { return row[k] + penalty[k]; }
  BOXEL_ALWAYS_INLINE Vector<T> vector(std::int64_t k) const {
    return load(row + k) + load(penalty + k);
  }
};

template <class T>
struct Plain {
  const T* row;
  BOXEL_ALWAYS_INLINE T at(std::int64_t k) const { return row[k]; }
  BOXEL_ALWAYS_INLINE Vector<T> vector(std::int64_t k) const { return load(row + k); }
};

// Calls body(k) for vectors that cover first to last, which are at least one vector apart. The last
// two overlap if they must: to see an element twice does no harm here.
template <class T, class Body>
BOXEL_ALWAYS_INLINE void for_vectors(std::int64_t first, std::int64_t last, Body&& body) {
  std::int64_t k = first;
  for (; k + vector_lanes<T> <= last; k += vector_lanes<T>) body(k);
  if (k < last) body(last - vector_lanes<T>);
}

template <class T, class Row>
BOXEL_ALWAYS_INLINE T least_of_block(const Row& row, std::int64_t first, std::int64_t last) {
  Vector<T> even = row.vector(first);  // two chains hide the latency
  Vector<T> odd = even;
  const auto take = [&](Vector<T>& least, std::int64_t k) {
    const Vector<T> next = row.vector(k);
    least = next < least ? next : least;
  };
  std::int64_t k = first + vector_lanes<T>;
  for (; k + 2 * vector_lanes<T> <= last; k += 2 * vector_lanes<T>) {
    take(odd, k);
    take(even, k + vector_lanes<T>);
  }
  for_vectors<T>(k, last, [&](std::int64_t rest) { take(odd, rest); });
  return least_lane<T>(odd < even ? odd : even);
}

// The first place between first and last that has the value; there is one.
template <class T, class Row>
BOXEL_ALWAYS_INLINE std::int64_t place_of(const Row& row, T value, std::int64_t first,
                                          std::int64_t last) {
  using Index = IndexOf<T>;
  constexpr Index nowhere = std::numeric_limits<Index>::max();
  Vector<Index> lanes;
  for (int lane = 0; lane < vector_lanes<T>; ++lane) lanes[lane] = static_cast<Index>(lane);
  const Vector<T> values = Vector<T>{} + value;
  Vector<Index> places = Vector<Index>{} + nowhere;
  for_vectors<T>(first, last, [&](std::int64_t k) {
    const Vector<Index> here = lanes + static_cast<Index>(k);
    const Vector<Index> found = row.vector(k) == values ? here : nowhere - Vector<Index>{};
    places = found < places ? found : places;
  });
  return least_lane<Index>(places);
}

// One pass for what is too short for two to pay: each lane keeps its least and the place.
template <class T, class Row>
BOXEL_ALWAYS_INLINE Nearest<T> least_of_some(const Row& row, std::int64_t count) {
  using Index = IndexOf<T>;
  constexpr T endless = std::numeric_limits<T>::infinity();
  struct Lanes {
    Vector<T> least;
    Vector<Index> places;
    BOXEL_ALWAYS_INLINE void take(const Vector<T>& next, const Vector<Index>& here) {
      const auto nearer = next < least;
      least = nearer ? next : least;
      places = nearer ? here : places;
    }
  };
  constexpr Index nowhere = std::numeric_limits<Index>::max();
  Vector<Index> lanes;
  for (int lane = 0; lane < vector_lanes<T>; ++lane) lanes[lane] = static_cast<Index>(lane);
  Lanes even{Vector<T>{} + endless, Vector<Index>{} + nowhere};  // two chains hide the latency
  Lanes odd = even;
  std::int64_t k = 0;
  for (; k + 2 * vector_lanes<T> <= count; k += 2 * vector_lanes<T>) {
    even.take(row.vector(k), lanes + static_cast<Index>(k));
    odd.take(row.vector(k + vector_lanes<T>), lanes + static_cast<Index>(k + vector_lanes<T>));
  }
  for_vectors<T>(k, count, [&](std::int64_t rest) {
    odd.take(row.vector(rest), lanes + static_cast<Index>(rest));
  });
  const Vector<T> both = odd.least < even.least ? odd.least : even.least;
  const T least = least_lane<T>(both);
  if (!(least < endless)) return {endless, -1};
  const Vector<T> values = Vector<T>{} + least;
  const Vector<Index> far = Vector<Index>{} + nowhere;
  const Vector<Index> of_even = even.least == values ? even.places : far;
  const Vector<Index> of_odd = odd.least == values ? odd.places : far;
  return {least, least_lane<Index>(of_odd < of_even ? of_odd : of_even)};
}

template <class T, class Row>
BOXEL_ALWAYS_INLINE Nearest<T> least_of_few(const Row& row, std::int64_t count) {
  Nearest<T> found{std::numeric_limits<T>::infinity(), -1};
  for (std::int64_t k = 0; k < count; ++k) {
    if (row.at(k) < found.distance) found = {row.at(k), k};
  }
  return found;
}

template <class T, class Row>
BOXEL_ALWAYS_INLINE Nearest<T> least_of(const Row& row, std::int64_t count) {
  constexpr std::int64_t block = 16 * vector_lanes<T>;
  if (count < vector_lanes<T>) return least_of_few<T>(row, count);
  if (count <= block) return least_of_some<T>(row, count);
  T least = std::numeric_limits<T>::infinity();
  std::int64_t first = 0;  // of the block that holds the least
  std::int64_t last = 0;
  const auto take = [&](std::int64_t start, std::int64_t end) {
    const T found = least_of_block<T>(row, start, end);
    if (found < least) {
      least = found;
      first = start;
      last = end;
    }
  };
  std::int64_t k = 0;
  for (; k + block <= count; k += block) take(k, k + block);
  if (k < count) take(std::min(k, count - vector_lanes<T>), count);
  if (last == 0) return {least, -1};
  return {least, place_of(row, least, first, last)};
}

template <class T>
Nearest<T> nearest(const T* row, const T* penalty, std::int64_t count) {
  return least_of<T>(Penalised<T>{row, penalty}, count);
}

template <class T>
Nearest<T> least(const T* values, std::int64_t count) {
  return least_of<T>(Plain<T>{values}, count);
}

template <class T>
bool repeats(const T* values, T value, std::int64_t count) {
  using Index = IndexOf<T>;
  std::int64_t k = 0;
  Vector<Index> found = {};
  for (; k + vector_lanes<T> <= count; k += vector_lanes<T>) {
    found += load(values + k) == Vector<T>{} + value;  // true is -1
  }
  std::int64_t times = 0;
  for (int lane = 0; lane < vector_lanes<T>; ++lane) times -= found[lane];
  for (; k < count; ++k) times += values[k] == value ? 1 : 0;
  return times > 1;
}

template <class T>
void approach(const T* next, std::int64_t name, std::int64_t count, T* distances,
              IndexOf<T>* nearest) {
  using Index = IndexOf<T>;
  const auto step = [&](const auto& own, auto& distance, auto& index) {
    const auto names = index * 0 + static_cast<Index>(name);
    const auto nearer = (own < distance) | ((own == distance) & (names < index));
    index = nearer ? names : index;
    distance = nearer ? own : distance;
  };
  if (count < vector_lanes<T>) {
    for (std::int64_t k = 0; k < count; ++k) step(next[k], distances[k], nearest[k]);
    return;
  }
  for_vectors<T>(0, count, [&](std::int64_t k) {
    Vector<T> distance = load(distances + k);
    Vector<Index> index = load(nearest + k);
    step(load(next + k), distance, index);
    std::memcpy(distances + k, &distance, sizeof(distance));
    std::memcpy(nearest + k, &index, sizeof(index));
  });
}

}  // namespace boxel::BOXEL_KERNELS
