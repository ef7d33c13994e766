//! L2, the cluster's metadata as the metadata log tells it: shared by brokers and controllers.
//!
//! Source: MetadataImage, MetadataDelta.

pub mod image;
