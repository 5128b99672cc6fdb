// Rows in and out: conversions, casts and who counts, in every kernel set.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "array.hpp"
#include "boxel/half.hpp"
#include "boxel/kernel_set.hpp"
#include "boxel/rows.hpp"
#include "check.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

const std::vector<DType>& all_dtypes() {
  static const std::vector<DType> dtypes = [] {
    std::vector<DType> result;
    for (int code = 0; code <= static_cast<int>(DType::float64); ++code) {
      result.push_back(static_cast<DType>(code));
    }
    return result;
  }();
  return dtypes;
}

constexpr Sample all_samples[] = {Sample::int8,    Sample::int16,  Sample::int32,  Sample::int64,
                                  Sample::uint8,   Sample::uint16, Sample::uint32, Sample::uint64,
                                  Sample::float32, Sample::float64};

// The dtype that a sample type stands for.
DType dtype_of(Sample sample) {
  constexpr DType dtypes[] = {DType::int8,    DType::int16,  DType::int32,  DType::int64,
                              DType::uint8,   DType::uint16, DType::uint32, DType::uint64,
                              DType::float32, DType::float64};
  return dtypes[static_cast<std::size_t>(sample)];
}

// Which conversions the traversals ask for: to the dtype's own sample type and to the widest ones.
bool converts(DType from, Sample to) {
  if (to == Sample::float64) return true;
  if (from == DType::boolean)
    return to == Sample::uint8 || to == Sample::uint64 || to == Sample::int64;
  if (from == DType::float16) return to == Sample::float32;
  if (dtype_of(to) == from) return true;
  if (is_floating(from)) return false;
  if (to == Sample::uint64) return is_unsigned(from);
  return to == Sample::int64 && from != DType::uint64;
}

std::vector<std::byte> random_bytes(Random& random, std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.bits());
  return bytes;
}

bool same_number(Number a, Number b, DType dtype) {
  if (!is_floating(dtype)) return a.integer == b.integer;
  return a.real == b.real || (std::isnan(a.real) && std::isnan(b.real));
}

Number as_sample(Number number, DType from, DType to) {
  if (is_floating(from) == is_floating(to)) return number;
  return {0, static_cast<double>(number.integer)};
}

void check_conversion(const KernelSet& kernels, DType from, bool swapped, Sample to,
                      Random& random) {
  const Convert convert = kernels.convert(from, swapped, to);
  const auto item = static_cast<std::int64_t>(size_of(from));
  const DType sample = dtype_of(to);
  for (const std::int64_t stride :
       {item, std::int64_t{0}, 2 * item, 3 * item, -item, 3 * item + 1, -2 * item - 1}) {
    for (const std::int64_t count : {0, 1, 3, 64, 77}) {
      const std::int64_t reach = std::abs(stride) * std::max<std::int64_t>(0, count - 1) + item;
      const auto bytes = random_bytes(random, static_cast<std::size_t>(reach));
      const std::byte* in = bytes.data() + (stride < 0 ? reach - item : 0);
      std::vector<std::byte> out(static_cast<std::size_t>(count) * size_of(sample));
      convert(out.data(), in, stride, count);
      for (std::int64_t l = 0; l < count; ++l) {
        const Number expected =
            as_sample(read_number(in + l * stride, from, swapped), from, sample);
        const Number found =
            read_number(out.data() + static_cast<std::size_t>(l) * size_of(sample), sample, false);
        CHECK(same_number(found, expected, sample), kernels.name, name_of(from), "to",
              name_of(sample), "swapped", swapped, "stride", stride, "found", found.real,
              "expected", expected.real);
      }
    }
  }
}

// What a cast gives, from the definition: half to even, saturating.
template <class T>
T saturated(double x) {
  const double rounded = half_even(x);
  if (rounded >= static_cast<double>(std::numeric_limits<T>::max())) {
    return std::numeric_limits<T>::max();
  }
  if (rounded <= static_cast<double>(std::numeric_limits<T>::lowest())) {
    return std::numeric_limits<T>::lowest();
  }
  return static_cast<T>(rounded);
}

template <class T>
T saturated(Int128 x) {
  constexpr auto highest = static_cast<Int128>(std::numeric_limits<T>::max());
  constexpr auto lowest = static_cast<Int128>(std::numeric_limits<T>::lowest());
  return static_cast<T>(std::clamp(x, lowest, highest));
}

template <class From, class To>
To expected_cast(From x) {
  if constexpr (std::is_same_v<To, Bool>) {
    return Bool{static_cast<std::uint8_t>(x != 0 ? 1 : 0)};
  } else if constexpr (std::is_same_v<To, Half>) {
    return Half{double_to_half(static_cast<double>(x))};
  } else if constexpr (std::is_floating_point_v<To>) {
    return static_cast<To>(x);
  } else if constexpr (std::is_floating_point_v<From>) {
    return saturated<To>(x);
  } else {
    return saturated<To>(static_cast<Int128>(x));
  }
}

template <class From>
std::vector<From> limits() {
  std::vector<From> values{From{0}};
  const auto around = [&](From x) {
    for (const From step : {From{0}, From{1}, From{2}}) {
      values.push_back(
          static_cast<From>(static_cast<std::uint64_t>(x) + static_cast<std::uint64_t>(step)));
      values.push_back(
          static_cast<From>(static_cast<std::uint64_t>(x) - static_cast<std::uint64_t>(step)));
    }
  };
  for (const int bits : {0, 7, 8, 15, 16, 24, 31, 32, 53, 62, 63}) {
    around(static_cast<From>(std::uint64_t{1} << bits));
    around(static_cast<From>(-(std::uint64_t{1} << bits)));
  }
  return values;
}

template <>
std::vector<double> limits<double>() {
  std::vector<double> values{0.0,    -0.0,    INFINITY, -INFINITY,    1e300,
                             -1e300, 5e-324,  0x1p-25,  65504,        65519.99,
                             65520,  0x1p128, -0x1p128, 3.4028235e38, 3.4028236e38};
  const auto around = [&](double x) {
    for (const double near : {x - 1, x - 0.5, x, x + 0.5, x + 1, x + 1.5}) {
      for (const double sign : {1.0, -1.0}) {
        values.push_back(sign * near);
        values.push_back(sign * std::nextafter(near, INFINITY));
        values.push_back(sign * std::nextafter(near, -INFINITY));
      }
    }
  };
  for (const int bits : {0, 1, 7, 8, 15, 16, 31, 32, 51, 52, 53, 63, 64})
    around(std::ldexp(1, bits));
  return values;
}

template <class From>
std::vector<From> random_values(Random& random) {
  std::vector<From> values;
  for (int k = 0; k < 2000; ++k) {
    if constexpr (std::is_floating_point_v<From>) {
      const auto exponent = static_cast<int>(random.between(-3, 66));
      values.push_back(std::ldexp(random.uniform(-1, 1), exponent));
    } else {
      values.push_back(static_cast<From>(random.bits() >> random.between(0, 60)));
    }
  }
  return values;
}

template <class From, class To>
void check_cast(const KernelSet& kernels, Natural natural, DType to,
                const std::vector<From>& values) {
  const Cast cast = kernels.cast(natural, to);
  std::vector<To> found(values.size());
  CHECK(cast(found.data(), values.data(), static_cast<std::int64_t>(values.size()), nullptr),
        kernels.name, name_of(to));
  for (std::size_t k = 0; k < values.size(); ++k) {
    const To expected = expected_cast<From, To>(values[k]);
    CHECK(std::memcmp(&found[k], &expected, sizeof(To)) == 0, kernels.name, "to", name_of(to),
          "value", values[k], "found",
          read_number(reinterpret_cast<const std::byte*>(&found[k]), to, false).real, "expected",
          read_number(reinterpret_cast<const std::byte*>(&expected), to, false).real);
  }
}

template <class From>
void check_casts(const KernelSet& kernels, Natural natural) {
  Random random(110);
  std::vector<From> values = limits<From>();
  const std::vector<From> more = random_values<From>(random);
  values.insert(values.end(), more.begin(), more.end());
  for (const DType to : all_dtypes()) {
    visit(to, [&]<class To>(std::type_identity<To>) {
      check_cast<From, To>(kernels, natural, to, values);
    });
  }
}

}  // namespace

TEST(kernel_sets_have_names_and_can_be_chosen) {
  const auto& sets = available_kernel_sets();
  CHECK(!sets.empty());
  std::set<std::string_view> names;
  for (const KernelSet* set : sets) {
    names.insert(set->name);
    CHECK_EQ(&choose_kernel_set(set->name), set);
  }
  CHECK_EQ(names.size(), sets.size());
  CHECK_EQ(&choose_kernel_set(""), sets.back());
  CHECK_THROWS(choose_kernel_set("pentium"), std::invalid_argument, "BOXEL_ISA=pentium");
  CHECK_THROWS(choose_kernel_set("pentium"), std::invalid_argument, std::string(sets[0]->name));
}

TEST(convert_reads_every_stride_and_byte_order) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    Random random(111);
    for (const DType from : all_dtypes()) {
      for (const Sample to : all_samples) {
        if (!converts(from, to)) continue;
        check_conversion(*kernels, from, false, to, random);
        check_conversion(*kernels, from, true, to, random);
      }
    }
  }
}

TEST(convert_refuses_what_would_lose_values) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const DType from : all_dtypes()) {
      for (const Sample to : all_samples) {
        if (converts(from, to)) continue;
        CHECK_THROWS(kernels->convert(from, false, to), std::logic_error, "no conversion");
      }
    }
  }
}

TEST(sample_sizes) {
  for (const Sample sample : all_samples) {
    CHECK_EQ(size_of_sample(sample), size_of(dtype_of(sample)));
  }
}

TEST(casts_round_half_to_even_and_saturate) {
  for (const KernelSet* kernels : available_kernel_sets()) {
    check_casts<double>(*kernels, Natural::float64);
    check_casts<std::int64_t>(*kernels, Natural::int64);
    check_casts<std::uint64_t>(*kernels, Natural::uint64);
  }
}

TEST(casts_of_ties_and_limits_by_hand) {
  const std::vector<double> values{0.5,   1.5,    2.5,    -0.5, -1.5,     126.5,     127.5,
                                   128.5, -127.5, -128.5, -129, INFINITY, -INFINITY, 1e19};
  const std::vector<int> expected{0, 2, 2, 0, -2, 126, 127, 127, -128, -128, -128, 127, -128, 127};
  for (const KernelSet* kernels : available_kernel_sets()) {
    std::vector<std::int8_t> found(values.size());
    CHECK(kernels->cast(Natural::float64, DType::int8)(
        found.data(), values.data(), static_cast<std::int64_t>(values.size()), nullptr));
    for (std::size_t k = 0; k < values.size(); ++k) {
      CHECK_EQ(found[k], expected[k], kernels->name, values[k]);
    }
  }
}

TEST(casts_give_nan_the_fill_or_report_it) {
  const std::vector<double> values{1, NAN, 2.5, -NAN, 300, -1};
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const DType to : all_dtypes()) {
      const Cast cast = kernels->cast(Natural::float64, to);
      const auto count = static_cast<std::int64_t>(values.size());
      std::vector<std::byte> out(values.size() * 8);
      const std::vector<std::byte> fill(8, std::byte{7});
      CHECK_EQ(cast(out.data(), values.data(), count, nullptr), is_floating(to), name_of(to));
      CHECK(cast(out.data(), values.data(), count, fill.data()), name_of(to));
      for (std::size_t k = 0; k < values.size(); ++k) {
        const std::byte* item = out.data() + k * size_of(to);
        const Number found = read_number(item, to, false);
        if (std::isnan(values[k])) {
          const bool filled = std::memcmp(item, fill.data(), size_of(to)) == 0;
          CHECK(is_floating(to) ? std::isnan(found.real) : filled, kernels->name, name_of(to));
        } else if (!is_floating(to) && to != DType::boolean) {
          const double expected = half_even(values[k]);
          CHECK(found.real == expected || expected < 0 || expected > 127, kernels->name,
                name_of(to), values[k], found.real);
        }
      }
    }
  }
}

TEST(include_keeps_what_counts) {
  Random random(112);
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const std::size_t lanes : {0u, 1u, 63u, 64u, 65u, 200u}) {
      std::vector<std::uint8_t> include(lanes);
      std::vector<std::uint8_t> masked(lanes);
      std::vector<double> samples(lanes);
      std::vector<double> weights(lanes);
      for (std::size_t l = 0; l < lanes; ++l) {
        include[l] = random.one_in(5) ? 0 : 1;
        masked[l] = random.pick<std::uint8_t>({0, 0, 1, 255});
        samples[l] = random.pick<double>({0.0, 1.0, NAN, -NAN, INFINITY});
        weights[l] = random.pick<double>({0.0, -0.0, 1.0, 5e-324, 1e300});
      }
      const std::vector<std::uint8_t> before = include;
      const auto count = static_cast<std::int64_t>(lanes);
      auto by_mask = before;
      kernels->leave_out_masked(by_mask.data(), masked.data(), count);
      auto by_nan = before;
      kernels->leave_out_nan(by_nan.data(), samples.data(), count);
      auto by_weight = before;
      kernels->leave_out_weightless(by_weight.data(), weights.data(), count);
      for (std::size_t l = 0; l < lanes; ++l) {
        CHECK_EQ(by_mask[l] != 0, before[l] && !masked[l], kernels->name);
        CHECK_EQ(by_nan[l] != 0, before[l] && !std::isnan(samples[l]), kernels->name);
        CHECK_EQ(by_weight[l] != 0, before[l] && weights[l] > 0, kernels->name);
      }
    }
  }
}

TEST(read_words_sums_all_words) {
  Random random(113);
  for (const std::size_t count : {0u, 1u, 31u, 32u, 100u, 1000u}) {
    std::vector<std::uint64_t> words(count);
    std::uint64_t expected = 0;
    for (std::uint64_t& word : words) expected += word = random.bits();
    for (const KernelSet* kernels : available_kernel_sets()) {
      CHECK_EQ(kernels->read_words(words.data(), static_cast<std::int64_t>(count)), expected);
    }
  }
}

}  // namespace boxel::test
