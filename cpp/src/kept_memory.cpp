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

void* KeptMemory::kept_block(std::size_t bytes) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return nullptr;
  auto best = kept_.end();
  for (auto block = kept_.begin(); block != kept_.end(); ++block) {
    if (!fits((*block)->bytes, bytes)) continue;
    if (best == kept_.end() || (*block)->bytes < (*best)->bytes) best = block;
  }
  if (best == kept_.end()) return nullptr;
  Block* block = *best;
  kept_.erase(best);
  held_ -= block->bytes;
  return block + 1;
}

void* KeptMemory::fresh(std::size_t bytes) {
  if (bytes > SIZE_MAX / 2) throw std::bad_alloc();
  Buffer memory(bytes + sizeof(Block));
  std::byte* place = memory.data();
  return new (place) Block{std::move(memory), bytes} + 1;
}

void* KeptMemory::allocate(std::size_t bytes) {
  if (void* data = kept_block(bytes)) return data;
  try {
    return fresh(bytes);
  } catch (const std::bad_alloc&) {
    if (!trim(0)) throw;
  }
  return fresh(bytes);
}

void KeptMemory::free(void* data) noexcept {
  if (!data) return;
  Block* block = block_of(data);
  std::vector<Block*> dropped;
  try {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock && block->bytes >= least && block->bytes <= limit_) {
      kept_.push_back(block);
      held_ += block->bytes;
      block = nullptr;
      dropped = surplus(limit_);
    }
  } catch (const std::bad_alloc&) {
    // What could not be listed is given back, or stays kept beyond the limit.
  }
  if (block) give_back(block);
  for (Block* each : dropped) give_back(each);
}

std::vector<KeptMemory::Block*> KeptMemory::surplus(std::size_t limit) {
  std::size_t count = 0;
  std::size_t rest = held_;
  while (rest > limit) rest -= kept_[count++]->bytes;
  const auto end = kept_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Block*> result(kept_.begin(), end);
  kept_.erase(kept_.begin(), end);
  held_ = rest;
  return result;
}

// Returns whether anything was given back.
bool KeptMemory::trim(std::size_t limit) {
  std::vector<Block*> dropped;
  {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock) dropped = surplus(limit);
  }
  for (Block* block : dropped) give_back(block);
  return !dropped.empty();
}

void KeptMemory::set_limit(std::size_t bytes) {
  limit_ = bytes;
  trim(bytes);
}

}  // namespace boxel
