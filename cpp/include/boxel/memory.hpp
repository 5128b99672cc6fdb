// Scratch memory of the kernels: aligned to cache lines, freed with its owner. What fills several
// huge pages is aligned to them and asks for them, as NumPy does: fewer page faults, fewer TLB
// misses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

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

  // Keeps nothing of what it held; a failed allocation is std::bad_alloc.
  void reserve(std::size_t bytes) {
    if (bytes <= capacity_) return;
    data_.reset();
    capacity_ = 0;
    const std::size_t alignment = bytes >= 2 * huge_page ? huge_page : cache_line;
    auto* data = static_cast<std::byte*>(::operator new(bytes, std::align_val_t{alignment}));
    data_ = Memory(data, Free{alignment});
#ifdef __linux__
    if (alignment == huge_page) madvise(data, bytes, MADV_HUGEPAGE);  // a wish: refusal is fine
#endif
    capacity_ = bytes;
  }
  std::byte* data() const { return data_.get(); }
  std::size_t capacity() const { return capacity_; }

 private:
  struct Free {
    std::size_t alignment;
    void operator()(std::byte* data) const { ::operator delete(data, std::align_val_t{alignment}); }
  };
  using Memory = std::unique_ptr<std::byte, Free>;
  Memory data_{nullptr, Free{cache_line}};
  std::size_t capacity_ = 0;
};

}  // namespace boxel
