//! Small PNG files. The usual libraries compress, and would be a tenth of the page's program.

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};
use unstamp_shared::datasets::signs;

const SIDE: usize = signs::SIZE;

/// Why a file cannot be a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PngError {
    /// It is no PNG.
    NoPng,
    /// It has another size than the image.
    Size {
        /// Columns of its pixels.
        width: u32,
        /// Rows of its pixels.
        height: u32,
    },
}

/// Reads a PNG of the image's size: its pixels as RGB and opacity, whatever its colour mode and depth.
///
/// # Errors
/// If the file is no PNG of that size.
pub fn read(bytes: &[u8]) -> Result<Vec<[u8; 4]>, PngError> {
    let no_png = |_| PngError::NoPng;
    let header = minipng::decode_png_header(bytes).map_err(no_png)?;
    let width = header.width();
    let height = header.height();
    if width != SIDE as u32 || height != SIDE as u32 {
        return Err(PngError::Size { width, height });
    }
    // At most 16 bits for each of four channels, and a byte at the start of each row.
    let mut buffer = vec![0; 8 * SIDE * SIDE + SIDE];
    let mut image = minipng::decode_png(bytes, &mut buffer).map_err(no_png)?;
    image.convert_to_rgba8bpc().map_err(no_png)?;
    Ok(image.pixels().as_chunks().0.to_vec())
}

/// Adds a chunk: length, name, data, checksum.
fn chunk(file: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(name);
    file.extend(data);
    let checksum = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC).checksum(&file[start..]);
    file.extend(checksum.to_be_bytes());
}

/// Writes a square PNG of RGB and opacity, without compression ([the PNG
/// specification](https://www.w3.org/TR/png-3/)): zlib's header, one stored block of the rows, and their Adler-32
/// checksum. A block holds at most 65,535 bytes, which is more than images of 127 pixels have.
pub fn write(side: usize, rgba: &[[u8; 4]]) -> Vec<u8> {
    // 8 bits for each channel, colour mode RGBA, no interlacing.
    let size = (side as u32).to_be_bytes();
    let header = [&size[..], &size, &[8, 6, 0, 0, 0]].concat();
    // Each row begins with the number of its filter; 0 is none.
    let rows: Vec<u8> =
        rgba.chunks(side).flat_map(|row| [&[0], row.as_flattened()].concat()).collect();
    let length = rows.len() as u16;
    let block = [&[0x78, 0x01, 0x01][..], &length.to_le_bytes(), &(!length).to_le_bytes()].concat();
    let checksum = adler2::adler32_slice(&rows).to_be_bytes();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, b"IHDR", &header);
    chunk(&mut file, b"IDAT", &[&block[..], &rows, &checksum].concat());
    chunk(&mut file, b"IEND", &[]);
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// The library that the native program uses reads what the page writes.
    #[test]
    fn another_library_reads_the_file() {
        let pixels: Vec<[u8; 4]> = (0..SIDE * SIDE)
            .map(|i| [i as u8, (i / 7) as u8, (3 * i) as u8, (i % 251) as u8])
            .collect();
        let file = write(SIDE, &pixels);
        let mut reader = ::png::Decoder::new(Cursor::new(&file)).read_info().expect("a PNG");
        let mut found = vec![0; 4 * SIDE * SIDE];
        let info = reader.next_frame(&mut found).expect("its pixels");
        assert_eq!(info.color_type, ::png::ColorType::Rgba);
        assert_eq!(found.as_chunks::<4>().0, pixels);
        assert_eq!(read(&file), Ok(pixels));
    }

    #[test]
    fn broken_files_are_refused() {
        let file = write(SIDE, &vec![[1, 2, 3, 4]; SIDE * SIDE]);
        for length in [0, 8, 20, 40, file.len() / 2] {
            assert_eq!(read(&file[..length]), Err(PngError::NoPng), "{length} bytes");
        }
    }
}
