// Random numbers that are the same on every platform, which the standard's distributions are not. A
// fuzzer's bytes can take the place of chance: each choice takes as few of them as it needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

namespace boxel::test {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  // When the bytes are used up, the numbers go on as from seed 0.
  explicit Random(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  // splitmix64
  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // Both ends may be drawn; the slight bias of the remainder does not matter here.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    const auto range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
    if (range == 1) return low;
    const std::uint64_t some = bytes_.empty() ? bits() : next_bytes(range - 1);
    const std::uint64_t drawn = range ? some % range : some;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + drawn);
  }

  bool one_in(std::int64_t times) { return between(1, times) == 1; }

  double uniform(double low, double high) {
    return low + (high - low) * (static_cast<double>(bits() >> 11) * 0x1p-53);
  }

  template <class T>
  T pick(std::initializer_list<T> choices) {
    return choices.begin()[between(0, static_cast<std::int64_t>(choices.size()) - 1)];
  }
  template <class T>
  T pick(const std::vector<T>& choices) {
    return choices[static_cast<std::size_t>(
        between(0, static_cast<std::int64_t>(choices.size()) - 1))];
  }

 private:
  // Enough of them for numbers up to `largest`.
  std::uint64_t next_bytes(std::uint64_t largest) {
    std::uint64_t value = 0;
    for (; largest > 0 && !bytes_.empty(); largest >>= 8) {
      value = (value << 8) | bytes_.front();
      bytes_ = bytes_.subspan(1);
    }
    return value;
  }

  std::uint64_t state_ = 0;
  std::span<const std::uint8_t> bytes_;
};

}  // namespace boxel::test
