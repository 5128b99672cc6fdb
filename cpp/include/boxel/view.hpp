// An array as the kernels see it: a pointer, a dtype, a shape and byte strides; and the one
// place that walks offsets.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "boxel/dtype.hpp"

namespace boxel {

// NumPy 2 allows 64 axes.
inline constexpr int max_axes = 64;

// A short list of axis values without heap allocation: small calls must stay cheap.
class Extents {
 public:
  Extents() = default;
  Extents(int size, std::int64_t value) {
    for (int axis = 0; axis < size; ++axis) push_back(value);
  }
  Extents(const Extents& other) : size_(other.size_) {
    std::copy_n(other.values_.data(), size_, values_.data());
  }
  Extents& operator=(const Extents& other) {
    size_ = other.size_;
    std::copy_n(other.values_.data(), size_, values_.data());
    return *this;
  }

  void push_back(std::int64_t value) {
    if (size_ == max_axes) throw std::length_error("more than 64 axes");
    values_[static_cast<std::size_t>(size_++)] = value;
  }
  int size() const { return size_; }
  std::int64_t& operator[](int axis) { return values_[static_cast<std::size_t>(axis)]; }
  std::int64_t operator[](int axis) const { return values_[static_cast<std::size_t>(axis)]; }
  bool operator==(const Extents& other) const {
    return std::equal(begin(), end(), other.begin(), other.end());
  }
  const std::int64_t* begin() const { return values_.data(); }
  const std::int64_t* end() const { return values_.data() + size_; }

 private:
  std::array<std::int64_t, max_axes> values_;
  int size_ = 0;
};

struct View {
  std::byte* data = nullptr;
  DType dtype = DType::uint8;
  bool swapped = false;  // not in the machine's byte order
  Extents shape;
  Extents strides;  // in bytes; any sign, zero for broadcast axes
};

// Visits every index of `shape` in C order and hands out the matching byte offset.
// `visit(offset)` sees the last axis fastest; an empty shape is one visit.
template <class Visit>
void walk(const Extents& shape, const Extents& strides, Visit&& visit) {
  const int axes = shape.size();
  for (const std::int64_t length : shape) {
    if (length == 0) return;
  }
  Extents index(axes, 0);
  std::int64_t offset = 0;
  for (;;) {
    visit(offset);
    int axis = axes - 1;
    for (; axis >= 0; --axis) {
      offset += strides[axis];
      if (++index[axis] < shape[axis]) break;
      offset -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

}  // namespace boxel
