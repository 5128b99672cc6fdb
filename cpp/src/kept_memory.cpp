#include "boxel/kept_memory.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace boxel {

KeptMemory::Block* KeptMemory::block_of(void* data) {
  return reinterpret_cast<Block*>(static_cast<std::byte*>(data) - sizeof(Block));
}

std::size_t KeptMemory::size_of(const void* data) {
  return block_of(const_cast<void*>(data))->bytes;
}

void KeptMemory::give_back(Block* block) noexcept {
  const Buffer memory = std::move(block->memory);
  block->~Block();
}

void* KeptMemory::allocate(std::size_t bytes) {
  {
    // Whoever was forked while another thread was in here finds it locked for ever.
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock) {
      auto best = kept_.end();
      for (auto block = kept_.begin(); block != kept_.end(); ++block) {
        const std::size_t size = (*block)->bytes;
        // Not so much larger that the rest would be a waste.
        if (size < bytes || size - bytes > bytes / 4) continue;
        if (best == kept_.end() || size < (*best)->bytes) best = block;
      }
      if (best != kept_.end()) {
        Block* block = *best;
        kept_.erase(best);
        held_ -= block->bytes;
        return block + 1;
      }
    }
  }
  if (bytes > SIZE_MAX / 2) throw std::bad_alloc();
  Buffer memory(bytes + sizeof(Block));
  std::byte* place = memory.data();
  return new (place) Block{std::move(memory), bytes} + 1;
}

void KeptMemory::free(void* data) noexcept {
  if (!data) return;
  Block* block = block_of(data);
  std::vector<Block*> dropped;
  try {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock && block->bytes <= limit_) {
      kept_.push_back(block);
      held_ += block->bytes;
      block = nullptr;
      dropped = surplus();
    }
  } catch (const std::bad_alloc&) {
    // What could not be listed is given back, or stays kept beyond the limit.
  }
  if (block) give_back(block);
  for (Block* each : dropped) give_back(each);
}

std::vector<KeptMemory::Block*> KeptMemory::surplus() {
  std::size_t count = 0;
  std::size_t rest = held_;
  while (rest > limit_) rest -= kept_[count++]->bytes;
  const auto end = kept_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Block*> result(kept_.begin(), end);
  kept_.erase(kept_.begin(), end);
  held_ = rest;
  return result;
}

void KeptMemory::set_limit(std::size_t bytes) {
  std::vector<Block*> dropped;
  {
    const std::lock_guard lock(mutex_);
    limit_ = bytes;
    dropped = surplus();
  }
  for (Block* block : dropped) give_back(block);
}

std::size_t KeptMemory::limit() const {
  const std::lock_guard lock(mutex_);
  return limit_;
}

std::size_t KeptMemory::held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

}  // namespace boxel
