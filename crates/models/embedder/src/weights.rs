//! Reads tensors out of a safetensors file.
//!
//! The file is eight bytes with the length of a JSON head, the head, and the numbers. Tensors are read one by one, so
//! that the file is never in memory as a whole beside the weights.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2};
use serde::Deserialize;

use crate::Error;

// What the format itself allows.
const MOST_HEAD_BYTES: u64 = 100_000_000;

// Whoever saved the model may have saved more than the encoder, and then gave it a name.
const PREFIXES: [&str; 4] = ["", "bert.", "roberta.", "0.auto_model."];

pub(crate) struct Weights {
    path: PathBuf,
    file: File,
    tensors: HashMap<String, Tensor>,
    prefix: &'static str,
    // Where the numbers begin, and how many bytes they have.
    start: u64,
    n_bytes: u64,
}

#[derive(Deserialize)]
struct Tensor {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

impl Weights {
    pub(crate) fn open(path: PathBuf) -> Result<Self, Error> {
        let unreadable = |source| Error::Read { file: path.clone(), source };
        let file = File::open(&path).map_err(unreadable)?;
        let n_file = file.metadata().map_err(unreadable)?.len();
        let mut length = [0; 8];
        file.read_exact_at(&mut length, 0).map_err(unreadable)?;
        let n_head = u64::from_le_bytes(length);
        if n_head > MOST_HEAD_BYTES || n_head > n_file - 8 {
            return Err(refuse(&path, "it is no safetensors file, or was cut short".to_owned()));
        }
        let mut head = vec![0; usize::try_from(n_head).unwrap_or_default()];
        file.read_exact_at(&mut head, 8).map_err(unreadable)?;
        let head: HashMap<String, serde_json::Value> =
            serde_json::from_slice(&head).map_err(|error| refuse(&path, error.to_string()))?;
        let mut tensors = HashMap::new();
        for (name, value) in head {
            if name == "__metadata__" {
                continue;
            }
            let tensor =
                Tensor::deserialize(value).map_err(|error| refuse(&path, format!("tensor {name}: {error}")))?;
            tensors.insert(name, tensor);
        }
        let has = |prefix: &&str| tensors.contains_key(&format!("{prefix}embeddings.word_embeddings.weight"));
        let Some(prefix) = PREFIXES.into_iter().find(has) else {
            return Err(refuse(&path, "it has no embeddings.word_embeddings.weight; is it a BERT?".to_owned()));
        };
        let start = 8 + n_head;
        Ok(Self { path, file, tensors, prefix, start, n_bytes: n_file - start })
    }

    pub(crate) fn matrix(&self, name: &str, n_rows: usize, n_columns: usize) -> Result<Array2<f32>, Error> {
        let values = self.values(name, &[n_rows, n_columns])?;
        Array2::from_shape_vec((n_rows, n_columns), values).map_err(|error| self.refuse(name, &error.to_string()))
    }

    pub(crate) fn vector(&self, name: &str, length: usize) -> Result<Array1<f32>, Error> {
        self.values(name, &[length]).map(Array1::from_vec)
    }

    /// A vector that older files know by another name.
    pub(crate) fn either_vector(&self, name: &str, older: &str, length: usize) -> Result<Array1<f32>, Error> {
        let is_older = self.tensors.contains_key(&format!("{}{older}", self.prefix));
        self.vector(if is_older { older } else { name }, length)
    }

    fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        let Some(tensor) = self.tensors.get(&format!("{}{name}", self.prefix)) else {
            return Err(self.refuse(name, "is missing"));
        };
        if tensor.shape != shape {
            let (has, wanted) = (&tensor.shape, shape);
            return Err(self.refuse(name, &format!("has the shape {has:?}; by config.json it would be {wanted:?}")));
        }
        let read: fn(&[u8]) -> Vec<f32> = match tensor.dtype.as_str() {
            "F32" => |bytes| bytes.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number)).collect(),
            "F16" => |bytes| bytes.as_chunks().0.iter().map(|number| half(u16::from_le_bytes(*number))).collect(),
            "BF16" => |bytes| {
                bytes.as_chunks().0.iter().map(|n| f32::from_bits(u32::from(u16::from_le_bytes(*n)) << 16)).collect()
            },
            other => {
                return Err(self.refuse(name, &format!("has numbers of type {other}; F32, F16 and BF16 are known")));
            }
        };
        let width = if tensor.dtype == "F32" { 4 } else { 2 };
        let n_values = shape.iter().try_fold(1_u64, |product, side| product.checked_mul(*side as u64));
        let wanted = n_values.and_then(|n_values| n_values.checked_mul(width));
        let (from, to) = tensor.data_offsets;
        if to > self.n_bytes || to.checked_sub(from) != wanted {
            return Err(self.refuse(name, "does not lie where it should; was the file cut short?"));
        }
        let mut bytes = vec![0; usize::try_from(to - from).unwrap_or_default()];
        let read_all = self.file.read_exact_at(&mut bytes, self.start + from);
        read_all.map_err(|source| Error::Read { file: self.path.clone(), source })?;
        Ok(read(&bytes))
    }

    fn refuse(&self, name: &str, problem: &str) -> Error {
        refuse(&self.path, format!("the tensor {}{name} {problem}", self.prefix))
    }
}

fn refuse(path: &Path, problem: String) -> Error {
    Error::File { file: path.to_owned(), problem }
}

/// A number of 16 bits, IEEE 754 binary16.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2.0_f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2.0_f32.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::half;

    #[test]
    fn numbers_of_sixteen_bits_are_read_as_they_are_meant() {
        let known = [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x3555, 0.333_251_95),
            (0x0001, 5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
        ];
        for (bits, value) in known {
            assert_eq!(half(bits), value, "{bits:#x}");
        }
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
    }
}
