#include "array.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <numeric>
#include <type_traits>
#include <vector>

#include "boxel/half.hpp"

namespace boxel::test {
namespace {

constexpr std::byte filler{0xa5};

template <class T>
T from_number(Number number) {
  if constexpr (std::is_same_v<T, Bool>) {
    return Bool{static_cast<std::uint8_t>(number.integer)};
  } else if constexpr (std::is_same_v<T, Half>) {
    return Half{double_to_half(number.real)};
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(number.real);
  } else {
    return static_cast<T>(number.integer);
  }
}

template <class T>
Number to_number(T value) {
  if constexpr (std::is_same_v<T, Bool>) {
    return number_of(value.byte != 0 ? 1 : 0);
  } else if constexpr (std::is_same_v<T, Half>) {
    return {0, half_to_float(value.bits)};
  } else if constexpr (std::is_floating_point_v<T>) {
    return {0, value};
  } else {
    return {static_cast<Int128>(value), static_cast<double>(value)};
  }
}

}  // namespace

Number number_of(std::int64_t integer) { return {integer, static_cast<double>(integer)}; }

Number read_number(const std::byte* place, DType dtype, bool swapped) {
  return visit(dtype, [=]<class T>(std::type_identity<T>) {
    std::array<std::byte, sizeof(T)> bytes;
    std::copy_n(place, sizeof(T), bytes.begin());
    if (swapped) std::ranges::reverse(bytes);
    return to_number(std::bit_cast<T>(bytes));
  });
}

void write_number(std::byte* place, DType dtype, bool swapped, Number number) {
  visit(dtype, [=]<class T>(std::type_identity<T>) {
    auto bytes = std::bit_cast<std::array<std::byte, sizeof(T)>>(from_number<T>(number));
    if (swapped) std::ranges::reverse(bytes);
    std::ranges::copy(bytes, place);
  });
}

Layout c_layout(int axes) {
  Layout layout;
  for (int axis = 0; axis < axes; ++axis) layout.order.push_back(axis);
  layout.steps = Extents(axes, 1);
  return layout;
}

Layout fortran_layout(int axes) {
  Layout layout = c_layout(axes);
  for (int axis = 0; axis < axes; ++axis) layout.order[axis] = axes - 1 - axis;
  return layout;
}

Layout random_layout(Random& random, int axes, bool may_share) {
  if (random.one_in(3)) return c_layout(axes);
  if (random.one_in(3)) return fortran_layout(axes);
  Layout layout = c_layout(axes);
  for (int axis = axes - 1; axis > 0; --axis) {
    std::swap(layout.order[axis], layout.order[static_cast<int>(random.between(0, axis))]);
  }
  for (int axis = 0; axis < axes; ++axis) layout.steps[axis] = random.pick({1, 1, 1, -1, 2, -3});
  layout.misalign = random.pick({0, 0, 1, 2});
  layout.swapped = random.one_in(3);
  if (may_share && axes > 0) {
    const auto axis = static_cast<int>(random.between(0, axes - 1));
    if (random.one_in(3)) layout.broadcast = axis;
    if (random.one_in(6)) layout.overlapping = axis;
  }
  return layout;
}

Index::Index(const Extents& shape) : shape_(shape), index_(shape.size(), 0) {
  valid_ = std::ranges::find(shape, 0) == shape.end();
}

void Index::next() {
  for (int axis = shape_.size() - 1; axis >= 0; --axis) {
    if (++index_[axis] < shape_[axis]) return;
    index_[axis] = 0;
  }
  valid_ = false;
}

Array::Array(DType dtype, const Extents& shape, const Layout& layout) {
  const auto item = static_cast<std::int64_t>(size_of(dtype));
  view_.dtype = dtype;
  view_.swapped = layout.swapped && item > 1;
  view_.shape = shape;
  view_.strides = Extents(shape.size(), 0);
  std::int64_t span = item;
  std::int64_t lowest = 0;
  std::int64_t highest = 0;
  for (int place = shape.size() - 1; place >= 0; --place) {
    const auto axis = static_cast<int>(layout.order[place]);
    if (axis == layout.broadcast) continue;
    const std::int64_t stride = (axis == layout.overlapping ? item : span) * layout.steps[axis];
    const std::int64_t reach = stride * std::max<std::int64_t>(0, shape[axis] - 1);
    view_.strides[axis] = stride;
    (reach < 0 ? lowest : highest) += reach;
    span = std::max(span, std::abs(stride) * std::max<std::int64_t>(1, shape[axis]));
  }
  // No byte to spare, so that a sanitizer sees every step outside.
  size_ = static_cast<std::size_t>(layout.misalign + highest - lowest + item);
  memory_.reset(new std::byte[size_]);
  std::fill_n(memory_.get(), size_, filler);
  view_.data = memory_.get() + layout.misalign - lowest;
}

std::byte* Array::place(const Extents& index) const {
  std::int64_t offset = 0;
  for (int axis = 0; axis < index.size(); ++axis) offset += index[axis] * view_.strides[axis];
  return view_.data + offset;
}

bool Array::gaps_untouched() const {
  std::vector<bool> element(size_, false);
  const auto item = static_cast<std::ptrdiff_t>(size_of(view_.dtype));
  for (Index index(view_.shape); index.valid(); index.next()) {
    const auto first = element.begin() + (place(index.at()) - memory_.get());
    std::fill(first, first + item, true);
  }
  for (std::size_t byte = 0; byte < size_; ++byte) {
    if (!element[byte] && memory_[byte] != filler) return false;
  }
  return true;
}

Extents extents(std::initializer_list<std::int64_t> values) {
  Extents result;
  for (const std::int64_t value : values) result.push_back(value);
  return result;
}

std::int64_t product(const Extents& values) {
  return std::accumulate(values.begin(), values.end(), std::int64_t{1}, std::multiplies<>{});
}

std::string text(const Extents& values) {
  std::string result = "(";
  for (const std::int64_t value : values) {
    result += std::to_string(value);
    result += ",";
  }
  return result += ")";
}

}  // namespace boxel::test
