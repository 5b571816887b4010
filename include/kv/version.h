#pragma once

// The release this header came with. kv follows semantic versioning; the formats on disk and on the
// wire have version numbers of their own (docs/file-format.md, protocol/README.md).
#define KV_VERSION "0.1.0"
