// Asio's own functions, compiled here and nowhere else. Asio's configuration asks for macros that
// the standard library defines, so one of its headers comes first, as in every other file:
// otherwise memory taken by one allocator would be given back to another.
#include <cstddef>

#include <asio/impl/src.hpp>
