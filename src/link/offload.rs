//! Segmentation and coalescing of IP packets: what a network card does for the kernel (virtio-net header, TSO, USO).
