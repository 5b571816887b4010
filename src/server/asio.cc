// Asio's own functions, compiled here and nowhere else.
#include <asio/impl/src.hpp>
