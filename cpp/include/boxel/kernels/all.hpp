// See README.md in this folder: compiled once per instruction set, so no include guard.
// clang-format off: the order is that of use.
#include "boxel/kernels/lanes.hpp"
#include "boxel/kernels/scan.hpp"
#include "boxel/kernels/added_rows.hpp"
#include "boxel/kernels/arithmetic.hpp"
#include "boxel/kernels/nonzero.hpp"
#include "boxel/kernels/sum.hpp"
#include "boxel/kernels/extremum.hpp"
#include "boxel/kernels/moments.hpp"
#include "boxel/kernels/squares.hpp"
#include "boxel/kernels/wide_squares.hpp"
#include "boxel/kernels/masked.hpp"
#include "boxel/kernels/weighted.hpp"
#include "boxel/kernels/gathered.hpp"
#include "boxel/kernels/convert.hpp"
#include "boxel/kernels/survey.hpp"
#include "boxel/kernels/factory.hpp"
// clang-format on
