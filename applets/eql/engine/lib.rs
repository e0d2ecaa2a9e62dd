//! Which slave carries a packet, and when a connection is tried: values that are fed and asked,
//! without a clock or a descriptor.
