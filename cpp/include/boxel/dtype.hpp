// The element types boxel reads and writes, listed once; everything else visits this list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>

namespace boxel {

// NumPy stores a bool in a byte that need not be 0 or 1 when it comes from a view.
struct Bool {
  std::uint8_t byte;
};

// IEEE 754 binary16, kept as bits: arithmetic happens in wider types.
struct Half {
  std::uint16_t bits;
};

// X(enumerator, C++ type, NumPy name)
#define BOXEL_DTYPES(X)                \
  X(boolean, ::boxel::Bool, "bool")    \
  X(int8, std::int8_t, "int8")         \
  X(int16, std::int16_t, "int16")      \
  X(int32, std::int32_t, "int32")      \
  X(int64, std::int64_t, "int64")      \
  X(uint8, std::uint8_t, "uint8")      \
  X(uint16, std::uint16_t, "uint16")   \
  X(uint32, std::uint32_t, "uint32")   \
  X(uint64, std::uint64_t, "uint64")   \
  X(float16, ::boxel::Half, "float16") \
  X(float32, float, "float32")         \
  X(float64, double, "float64")

enum class DType : std::uint8_t {
#define BOXEL_ENUMERATOR(name, type, text) name,
  BOXEL_DTYPES(BOXEL_ENUMERATOR)
#undef BOXEL_ENUMERATOR
};

// Calls visitor(std::type_identity<T>{}) with the C++ type of `dtype`.
template <class Visitor>
decltype(auto) visit(DType dtype, Visitor&& visitor) {
  switch (dtype) {
#define BOXEL_CASE(name, type, text) \
  case DType::name:                  \
    return std::forward<Visitor>(visitor)(std::type_identity<type>{});
    BOXEL_DTYPES(BOXEL_CASE)
#undef BOXEL_CASE
  }
  throw std::logic_error("unknown dtype");
}

inline std::size_t size_of(DType dtype) {
  return visit(dtype, []<class T>(std::type_identity<T>) { return sizeof(T); });
}

inline std::string_view name_of(DType dtype) {
  switch (dtype) {
#define BOXEL_CASE(name, type, text) \
  case DType::name:                  \
    return text;
    BOXEL_DTYPES(BOXEL_CASE)
#undef BOXEL_CASE
  }
  throw std::logic_error("unknown dtype");
}

constexpr bool is_floating(DType dtype) {
  return dtype == DType::float16 || dtype == DType::float32 || dtype == DType::float64;
}

constexpr bool is_unsigned(DType dtype) {
  return dtype == DType::uint8 || dtype == DType::uint16 || dtype == DType::uint32 ||
         dtype == DType::uint64;
}

}  // namespace boxel
