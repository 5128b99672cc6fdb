// What a merge changes: a row, the rows of others later, the bounds.

namespace boxel::BOXEL_KERNELS {

// As many distances as there are doubles in a vector.
inline constexpr int wide_lanes = BOXEL_VECTOR_BYTES / 8;
using Wide = Lanewise<double, wide_lanes>;
template <class T>
using Narrow = Lanewise<T, wide_lanes>;

template <class T>
BOXEL_ALWAYS_INLINE Wide widened(const T* from) {
  Narrow<T> narrow;
  std::memcpy(&narrow, from, sizeof(narrow));
  return __builtin_convertvector(narrow, Wide);
}

template <class T>
void merge_rows(Rule rule, const T* kept, const T* gone, const double* sizes, const Update& update,
                std::int64_t count, T* out) {
  with_rule(rule, [&]<class R>(R) {
    if (count < wide_lanes) {
      for (std::int64_t k = 0; k < count; ++k) {
        out[k] = static_cast<T>(R::merged(static_cast<double>(kept[k]),
                                          static_cast<double>(gone[k]), sizes[k], update));
      }
      return;
    }
    const auto merged = [&](std::int64_t k) {
      const Wide row = R::merged(widened(kept + k), widened(gone + k), widened(sizes + k), update);
      return __builtin_convertvector(row, Narrow<T>);
    };
    // The last vector overlaps the one before, whose input may be overwritten by its output.
    const Narrow<T> last = merged(count - wide_lanes);
    for (std::int64_t k = 0; k + wide_lanes <= count; k += wide_lanes) {
      const Narrow<T> row = merged(k);
      std::memcpy(out + k, &row, sizeof(row));
    }
    std::memcpy(out + count - wide_lanes, &last, sizeof(last));
  });
}

// Brings a row into the cache as a stream, which is faster than meeting it place by place.
template <class T>
BOXEL_ALWAYS_INLINE void bring_in(const T* row, std::int64_t count) {
  Vector<T> sum = {};
  for (std::int64_t k = 0; k + vector_lanes<T> <= count; k += vector_lanes<T>) sum += load(row + k);
  asm volatile("" ::"r"(least_lane<T>(sum)));
}

// One distance as a vector: to choose between doubles, compilers branch, and mispredict half of it.
using Two = Lanewise<double, 2>;
BOXEL_ALWAYS_INLINE Two two(double value) { return Two{value, value}; }

template <class T>
void replay(Rule rule, T* row, std::int64_t count, double size, const Merges& merges) {
  if (merges.count > 32) bring_in(row, count);
  with_rule(rule, [&]<class R>(R) {
    for (std::int64_t m = 0; m < merges.count; ++m) {
      const auto [kept, gone] = merges.pairs[m];
      const Two merged = R::merged(two(row[kept]), two(row[gone]), two(size), merges.updates[m]);
      row[kept] = static_cast<T>(merged[0]);
    }
  });
}

// The bounds and neighbours of clusters before the merged one, given their distances to it.
template <class T, class V, class I>
BOXEL_ALWAYS_INLINE void note_distances(const V& distances, I kept, I gone, V& bounds,
                                        I& neighbours) {
  const auto merged = (neighbours == kept) | (neighbours == gone);
  const auto nearer = distances < bounds;
  const auto equal = distances == bounds;
  const I if_equal = merged | (neighbours > kept) ? kept : neighbours;  // among equals the first
  const I if_farther = merged ? I{} - 1 : neighbours;
  neighbours = nearer ? kept : (equal ? if_equal : if_farther);
  bounds = nearer ? distances : bounds;
}

template <class T>
void note_merge(const T* row, const T* penalty, std::int64_t kept, std::int64_t gone, T* bounds,
                IndexOf<T>* neighbours) {
  using Index = IndexOf<T>;
  constexpr std::int64_t lanes = vector_lanes<T>;
  const auto a = static_cast<Index>(kept);
  const auto b = static_cast<Index>(gone);
  if (kept < lanes) {
    for (std::int64_t k = 0; k < kept; ++k) {
      note_distances<T>(row[k] + penalty[k], a, b, bounds[k], neighbours[k]);
    }
  } else {
    struct Part {
      Vector<T> bounds;
      Vector<Index> neighbours;
    };
    const auto noted = [&](std::int64_t k) {
      Part part{load(bounds + k), load(neighbours + k)};
      note_distances<T>(load(row + k) + load(penalty + k), Vector<Index>{} + a, Vector<Index>{} + b,
                        part.bounds, part.neighbours);
      return part;
    };
    const auto store = [&](std::int64_t k, const Part& part) {
      std::memcpy(bounds + k, &part.bounds, sizeof(part.bounds));
      std::memcpy(neighbours + k, &part.neighbours, sizeof(part.neighbours));
    };
    const Part last = noted(kept - lanes);  // overlaps the one before
    for (std::int64_t k = 0; k + lanes <= kept; k += lanes) store(k, noted(k));
    store(kept - lanes, last);
  }
  BOXEL_EACH_ELEMENT
  for (std::int64_t k = kept + 1; k < gone; ++k) {
    neighbours[k] = neighbours[k] == b ? Index{-1} : neighbours[k];
  }
}

}  // namespace boxel::BOXEL_KERNELS
