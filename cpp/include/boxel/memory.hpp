// Scratch memory of the kernels: aligned to cache lines, freed with its owner. What fills several
// huge pages is aligned to them and asks for them, as NumPy does: fewer page faults, fewer TLB
// misses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace boxel {

inline constexpr std::size_t cache_line = 64;
inline constexpr std::size_t huge_page = std::size_t{1} << 21;

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t bytes) { reserve(bytes); }
  Buffer(Buffer&& other) noexcept
      : memory_(std::move(other.memory_)),
        data_(std::exchange(other.data_, nullptr)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    memory_ = std::move(other.memory_);
    data_ = std::exchange(other.data_, nullptr);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }

  // Keeps nothing of what it held; a failed allocation is std::bad_alloc.
  void reserve(std::size_t bytes) {
    if (bytes <= capacity_) return;
    memory_.reset();
    data_ = nullptr;
    capacity_ = 0;
    // Aligned by hand: asking for it costs small calls ten times as much as other memory.
    const std::size_t alignment = bytes >= 2 * huge_page ? huge_page : cache_line;
    memory_.reset(static_cast<std::byte*>(::operator new(bytes + alignment)));
    const auto place = reinterpret_cast<std::uintptr_t>(memory_.get());
    data_ = memory_.get() + (alignment - place % alignment) % alignment;
#ifdef __linux__
    if (alignment == huge_page) madvise(data_, bytes, MADV_HUGEPAGE);  // a wish: refusal is fine
#endif
    capacity_ = bytes;
  }
  std::byte* data() const { return data_; }
  std::size_t capacity() const { return capacity_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const { ::operator delete(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::byte* data_ = nullptr;
  std::size_t capacity_ = 0;
};

}  // namespace boxel
