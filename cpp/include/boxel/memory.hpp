// Scratch memory of the kernels: aligned to cache lines, freed with its owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace boxel {

inline constexpr std::size_t cache_line = 64;

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t bytes) { reserve(bytes); }

  // Keeps nothing of what it held; a failed allocation is std::bad_alloc.
  void reserve(std::size_t bytes) {
    if (bytes <= capacity_) return;
    data_.reset();
    capacity_ = 0;
    data_.reset(static_cast<std::byte*>(::operator new(bytes, std::align_val_t{cache_line})));
    capacity_ = bytes;
  }
  std::byte* data() const { return data_.get(); }
  std::size_t capacity() const { return capacity_; }

 private:
  struct Free {
    void operator()(std::byte* data) const {
      ::operator delete(data, std::align_val_t{cache_line});
    }
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t capacity_ = 0;
};

}  // namespace boxel
