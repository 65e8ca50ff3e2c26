//! The first bytes of files that people give by mistake, for every reader that names them.

/// A pointer that Git LFS leaves where a file should be.
pub const LFS_POINTER: &[u8] = b"version https://git-lfs";

/// A NumPy array.
pub const NUMPY: &[u8] = b"\x93NUMPY";
