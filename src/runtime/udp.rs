//! Batched UDP with segmentation and receive offload.
