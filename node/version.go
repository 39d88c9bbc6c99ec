package node

import "github.com/scalesmall/ssnode/antientropy"

// ProtocolVersion is the version of what members say to each other.
const ProtocolVersion = antientropy.ProtocolVersion
