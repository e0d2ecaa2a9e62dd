//! TUN and TAP interfaces with virtio headers.
