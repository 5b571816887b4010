// The store in one's own process.
#include <kv/store.h>

int main(int, char** arguments) {
  auto store = kv::Store::open(arguments[1]);
  if (!store || !store->put("greeting", "hello")) return 1;
  const auto value = store->get("greeting");
  return value && *value && (*value)->bytes == "hello" ? 0 : 1;
}
