package antientropy

// ProtocolVersion is the version of the frames that this package writes. It
// reads no other.
const ProtocolVersion = protocolVersion
