// Arrays with memory of their own in every layout that a view can describe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "boxel/dtype.hpp"
#include "boxel/view.hpp"
#include "exact.hpp"
#include "random.hpp"

namespace boxel::test {

// A sample in the two types that hold every dtype; `real` only is meant where the dtype is
// floating.
struct Number {
  Int128 integer = 0;
  double real = 0;
};

// The number that an integer is in both types.
Number number_of(std::int64_t integer);

Number read_number(const std::byte* place, DType dtype, bool swapped);
// The number must fit the dtype; floats are rounded to it.
void write_number(std::byte* place, DType dtype, bool swapped, Number number);

struct Layout {
  Extents order;              // axes from the outermost to the innermost in memory
  Extents steps;              // per axis: 1, or more to leave gaps, negative to run backwards
  std::int64_t misalign = 0;  // bytes
  bool swapped = false;
  int broadcast = -1;    // an axis of stride 0
  int overlapping = -1;  // one whose positions share memory, as those of sliding windows do
};

Layout c_layout(int axes);
Layout fortran_layout(int axes);
// Elements may share memory if they are to be read only.
Layout random_layout(Random& random, int axes, bool may_share);

// Walks all indices of a shape, the last axis fastest, independently of boxel::walk.
class Index {
 public:
  explicit Index(const Extents& shape);
  bool valid() const { return valid_; }
  void next();
  const Extents& at() const { return index_; }

 private:
  Extents shape_;
  Extents index_;
  bool valid_ = true;
};

class Array {
 public:
  Array(DType dtype, const Extents& shape, const Layout& layout);

  View view() const { return view_; }
  const Extents& shape() const { return view_.shape; }
  Number get(const Extents& index) const {
    return read_number(place(index), view_.dtype, view_.swapped);
  }
  void set(const Extents& index, Number number) {
    write_number(place(index), view_.dtype, view_.swapped, number);
  }
  std::byte* place(const Extents& index) const;
  // Whether all bytes that belong to no element are as they were at first.
  bool gaps_untouched() const;

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t size_ = 0;
  View view_;
};

Extents extents(std::initializer_list<std::int64_t> values);
std::int64_t product(const Extents& values);
std::string text(const Extents& values);

}  // namespace boxel::test
