#include "check.hpp"

#include <iomanip>
#include <ios>

namespace boxel::check {

void print(std::ostream& stream, double value) {
  stream << std::setprecision(17) << value << " (" << std::hexfloat << value << std::defaultfloat
         << ")";
}

}  // namespace boxel::check
