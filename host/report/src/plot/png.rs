//! Pixels of a picture, with the font that this program brings along.

use resvg::{
    render,
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree},
};

/// Roboto, Apache License 2.0; see `host/fonts/README.md`.
const FONT: &[u8] = include_bytes!("../../fonts/Roboto-Regular.ttf");

/// The picture could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    #[error("cannot draw the picture: {0}")]
    Svg(#[from] resvg::usvg::Error),
    #[error("a picture of {width} pixels across is too large")]
    Size { width: u32 },
    #[error("cannot write the picture: {0}")]
    Encode(String),
}

/// An SVG document as a PNG file of so many pixels across.
pub fn png(svg: &str, width: u32) -> Result<Vec<u8>, PngError> {
    let mut options = Options { font_family: "Roboto".to_owned(), ..Options::default() };
    options.fontdb_mut().load_font_data(FONT.to_vec());
    let tree = Tree::from_str(svg, &options)?;
    let scale = width as f32 / tree.size().width();
    let height = (tree.size().height() * scale).round() as u32;
    let mut pixels = Pixmap::new(width, height).ok_or(PngError::Size { width })?;
    render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| PngError::Encode(error.to_string()))
}
