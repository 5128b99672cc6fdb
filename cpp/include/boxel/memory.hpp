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
    if (bytes < 2 * huge_page) {
      // Aligned by hand: asking for it costs small calls ten times as much as other memory.
      memory_ = Memory(static_cast<std::byte*>(::operator new(bytes + cache_line)), Free{false});
      const auto place = reinterpret_cast<std::uintptr_t>(memory_.get());
      data_ = memory_.get() + (cache_line - place % cache_line) % cache_line;
    } else {
      constexpr std::align_val_t alignment{huge_page};
      memory_ = Memory(static_cast<std::byte*>(::operator new(bytes, alignment)), Free{true});
      data_ = memory_.get();
#ifdef __linux__
      madvise(data_, bytes, MADV_HUGEPAGE);  // a wish: refusal is fine
#endif
    }
    capacity_ = bytes;
  }
  std::byte* data() const { return data_; }
  std::size_t capacity() const { return capacity_; }

 private:
  struct Free {
    bool huge;
    void operator()(std::byte* memory) const {
      huge ? ::operator delete(memory, std::align_val_t{huge_page}) : ::operator delete(memory);
    }
  };
  using Memory = std::unique_ptr<std::byte, Free>;
  Memory memory_{nullptr, Free{false}};
  std::byte* data_ = nullptr;
  std::size_t capacity_ = 0;
};

}  // namespace boxel
