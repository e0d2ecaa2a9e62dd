//! Packed little-endian structures: named integers, octets and texts at fixed offsets.

/// A field of a packed little-endian structure.
pub trait Field: Copy {
    /// Reads it at `offset`; zero where the octets are not there.
    fn read(octets: &[u8], offset: usize) -> Self;
    /// Writes it at `offset`; nothing where there is no room.
    fn write(self, octets: &mut [u8], offset: usize);
}

macro_rules! field {
    ($($ty:ty),+) => {$(
        impl Field for $ty {
            fn read(octets: &[u8], offset: usize) -> Self {
                octets
                    .get(offset..)
                    .and_then(|rest| rest.first_chunk())
                    .map_or(0, |chunk| Self::from_le_bytes(*chunk))
            }

            fn write(self, octets: &mut [u8], offset: usize) {
                if let Some(chunk) = octets
                    .get_mut(offset..)
                    .and_then(|rest| rest.first_chunk_mut())
                {
                    *chunk = self.to_le_bytes();
                }
            }
        }
    )+};
}

field!(u8, u16, u32);

/// Octets as they lie there: addresses in network order.
impl<const N: usize> Field for [u8; N] {
    fn read(octets: &[u8], offset: usize) -> Self {
        octets
            .get(offset..)
            .and_then(|rest| rest.first_chunk())
            .copied()
            .unwrap_or([0; N])
    }

    fn write(self, octets: &mut [u8], offset: usize) {
        if let Some(chunk) = octets
            .get_mut(offset..)
            .and_then(|rest| rest.first_chunk_mut())
        {
            *chunk = self;
        }
    }
}

/// A text in a field of `N` octets, ended by a zero octet or the end of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<const N: usize>(pub [u8; N]);

impl<const N: usize> Text<N> {
    /// The octets before the end.
    pub fn octets(&self) -> &[u8] {
        self.0.split(|&octet| octet == 0).next().unwrap_or_default()
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Field for Text<N> {
    fn read(octets: &[u8], offset: usize) -> Self {
        Self(Field::read(octets, offset))
    }

    fn write(self, octets: &mut [u8], offset: usize) {
        self.0.write(octets, offset);
    }
}

/// Whether a field of `size` octets at `offset` lies within `len` octets.
pub(super) const fn fits(offset: usize, size: usize, len: usize) -> bool {
    offset + size <= len
}

/// Defines a structure with `LEN`, `decode` and `encode`. Offsets are checked while
/// compiling; octets that no field covers are reserved and written as zero.
macro_rules! layout {
    (
        $(#[$meta:meta])*
        pub struct $name:ident [$len:literal] {
            $( $(#[$field_meta:meta])* $field:ident : $ty:ty = $offset:literal ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $ty ),+
        }

        $( const _: () = assert!($crate::pipemon::layout::fits($offset, size_of::<$ty>(), $len)); )+

        impl $name {
            /// Octets on the wire.
            pub const LEN: usize = $len;

            /// Reads the structure from the head of `data`; octets after it are left alone.
            ///
            /// # Errors
            /// `Truncated` when there are fewer than [`Self::LEN`] octets.
            pub fn decode(data: &[u8]) -> Result<Self, $crate::ParseError> {
                let Some(octets) = data.first_chunk::<$len>() else {
                    return Err($crate::ParseError::Truncated {
                        what: stringify!($name),
                        need: $len,
                        have: data.len(),
                    });
                };
                Ok(Self {
                    $( $field: <$ty as $crate::pipemon::Field>::read(octets, $offset) ),+
                })
            }

            /// The structure as octets.
            pub fn encode(&self) -> [u8; $len] {
                let mut octets = [0; $len];
                $( $crate::pipemon::Field::write(self.$field, &mut octets, $offset); )+
                octets
            }
        }
    };
}
