// A server asked over the network.
#include <kv/client.h>

int main(int, char** arguments) {
  auto client = kv::Client::connect({.address = arguments[1]});
  if (!client || !client->put("greeting", "hello")) return 1;
  const auto value = client->get("greeting");
  return value && *value && (*value)->bytes == "hello" ? 0 : 1;
}
