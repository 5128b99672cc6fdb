// A small test framework: TEST registers a test; checks tell where they failed, what was found and
// what was expected, and let the test go on. Checks belong on the thread that runs the test.
#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <ostream>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>

namespace boxel::check {

using TestFunction = void (*)();

struct Registration {
  Registration(const char* name, TestFunction function);
};

// Reports one failed check; a test with very many of them is abandoned.
void fail(const char* file, int line, const std::string& message, const std::string& context);

template <class T>
concept SmallInteger = std::integral<T> && sizeof(T) == 1;

// With all digits, and the bits.
void print(std::ostream& stream, double value);

template <class T>
void print(std::ostream& stream, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    stream << (value ? "true" : "false");
  } else if constexpr (std::is_enum_v<T> || SmallInteger<T>) {
    stream << static_cast<int>(value);
  } else {
    stream << value;
  }
}

template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream stream;
  [[maybe_unused]] const char* space = "";
  ((stream << std::exchange(space, " "), print(stream, parts)), ...);
  return stream.str();
}

template <class T>
concept PlainInteger = std::integral<T> && !std::is_same_v<T, bool>;

template <class A, class B>
bool equal(const A& a, const B& b) {
  if constexpr (PlainInteger<A> && PlainInteger<B>) {
    return std::cmp_equal(a, b);
  } else {
    return a == b;
  }
}

}  // namespace boxel::check

#define TEST(name)                                                          \
  static void name();                                                       \
  static const ::boxel::check::Registration name##_registered(#name, name); \
  static void name()

// What follows the checked values is printed if the check fails.
#define CHECK(condition, ...)                                                             \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      ::boxel::check::fail(__FILE__, __LINE__, "found false, expected true: " #condition, \
                           ::boxel::check::text(__VA_ARGS__));                            \
    }                                                                                     \
  } while (false)

#define CHECK_EQ(found, expected, ...)                                                         \
  do {                                                                                         \
    const auto check_found = (found);                                                          \
    const auto check_expected = (expected);                                                    \
    if (!::boxel::check::equal(check_found, check_expected)) {                                 \
      ::boxel::check::fail(                                                                    \
          __FILE__, __LINE__,                                                                  \
          ::boxel::check::text("found", #found, "=", check_found, "expected", check_expected), \
          ::boxel::check::text(__VA_ARGS__));                                                  \
    }                                                                                          \
  } while (false)

// The statement must throw `Exception`, with `part` somewhere in its message.
#define CHECK_THROWS(statement, Exception, part)                                            \
  do {                                                                                      \
    std::string check_found = "no exception";                                               \
    try {                                                                                   \
      statement;                                                                            \
    } catch (const Exception& check_exception) {                                            \
      check_found = check_exception.what();                                                 \
      if (check_found.find(part) != std::string::npos) check_found.clear();                 \
    } catch (const std::exception& check_exception) {                                       \
      check_found = std::string("another exception: ") + check_exception.what();            \
    }                                                                                       \
    if (!check_found.empty()) {                                                             \
      ::boxel::check::fail(                                                                 \
          __FILE__, __LINE__,                                                               \
          ::boxel::check::text("found", check_found, "expected", #Exception, "with", part), \
          #statement);                                                                      \
    }                                                                                       \
  } while (false)
