// See README.md in this folder: compiled once per instruction set, so no include guard.
// clang-format off: the order is that of use.
#include "boxel/clustering/kernels/vectors.hpp"
#include "boxel/clustering/kernels/nearest.hpp"
#include "boxel/clustering/kernels/rules.hpp"
#include "boxel/clustering/kernels/merge.hpp"
#include "boxel/clustering/kernels/filter.hpp"
#include "boxel/clustering/kernels/bits.hpp"
#include "boxel/clustering/kernels/table.hpp"
// clang-format on
