//! A stream from the provider's bytes to the client's: passed on as it is, or translated.
//!
//! Both work on the chunks that the network gives and not on single events, so that a chunk with a hundred events costs
//! one wake-up of the reader.

mod passthrough;

use bytes::BytesMut;
use septet_prices::Service;
use septet_protocols::{Context, Decoder, Dialect, Encoder, Event, Failure, Frame, Framer, Unreadable, Usage};

use self::passthrough::Passthrough;
use crate::meter::Meter;

/// One stream that is being relayed.
pub(crate) struct Relay {
    framer: Framer,
    frames: Vec<Frame>,
    mode: Mode,
    failed: Option<Failure>,
    broken: Option<Unreadable>,
}

enum Mode {
    Passthrough(Passthrough),
    Translate { decoder: Box<dyn Decoder>, encoder: Box<dyn Encoder> },
}

/// What the client may want in addition to what the provider says.
#[derive(Debug, Clone, Default)]
pub(crate) struct RelayOptions {
    /// The head of the answer where the provider has none.
    pub context: Context,
    /// Write what the call cost into its usage: for callers of the platform itself.
    pub shows_cost: bool,
}

/// Prices the usage of a stream, by the service tier that the provider reports.
pub(crate) type Price<'a> = &'a (dyn Fn(&Usage, Option<Service>) -> i64 + Send + Sync);

impl Relay {
    /// A stream from a provider that speaks `from` to a client that speaks `to`.
    pub(crate) fn new(from: Dialect, to: Dialect, options: RelayOptions) -> Self {
        let mode = if from == to {
            Mode::Passthrough(Passthrough::new(to, options.context.wants_usage, options.shows_cost))
        } else {
            Mode::Translate { decoder: from.decoder(), encoder: to.encoder(options.context) }
        };
        Self { framer: Framer::new(from.framing()), frames: Vec::new(), mode, failed: None, broken: None }
    }

    /// Takes a chunk of the provider and gives the bytes for the client; none when nothing is to be shown yet.
    pub(crate) fn chunk(&mut self, chunk: &[u8], meter: &mut Meter, price: Price<'_>) -> Result<BytesMut, Unreadable> {
        let framed = self.framer.push(chunk, &mut self.frames);
        self.whole(framed, meter, price)
    }

    /// What came whole before the damage goes to the client. The damage is returned as the error when there is nothing
    /// to deliver before it, and by [`Self::broken`] afterwards otherwise.
    fn whole(
        &mut self,
        framed: Result<(), Unreadable>,
        meter: &mut Meter,
        price: Price<'_>,
    ) -> Result<BytesMut, Unreadable> {
        let mut out = BytesMut::new();
        let broken = self.flow(meter, price, &mut out).and(framed).err();
        match broken {
            Some(broken) if out.is_empty() => return Err(broken),
            broken => self.broken = broken,
        }
        Ok(out)
    }

    fn flow(&mut self, meter: &mut Meter, price: Price<'_>, out: &mut BytesMut) -> Result<(), Unreadable> {
        for frame in self.frames.drain(..) {
            if self.failed.is_some() {
                break;
            }
            match &mut self.mode {
                Mode::Passthrough(stream) => self.failed = stream.frame(&frame, meter, price, out)?,
                Mode::Translate { decoder, encoder } => {
                    let events = decoder.frame(&frame)?;
                    self.failed = write(&events, encoder.as_mut(), meter, out);
                }
            }
        }
        Ok(())
    }

    /// The provider's bytes are over: the last bytes for the client. Where the provider said no figures, the client is
    /// told those that were counted.
    pub(crate) fn end(&mut self, meter: &mut Meter, price: Price<'_>) -> Result<BytesMut, Unreadable> {
        let framed = self.framer.end(&mut self.frames);
        let mut out = self.whole(framed, meter, price)?;
        if self.failed.is_some() || self.broken.is_some() {
            return Ok(out);
        }
        match &mut self.mode {
            Mode::Passthrough(stream) => {
                self.failed = stream.end(meter.figures().is_none().then(|| meter.count(true).usage), &mut out)?;
            }
            Mode::Translate { decoder, encoder } => {
                let events = decoder.end()?;
                self.failed = write(&events, encoder.as_mut(), meter, &mut out);
                if self.failed.is_none() {
                    let mut frames = Vec::new();
                    if meter.figures().is_none() {
                        encoder.event(&Event::Usage(meter.count(true).usage), &mut frames);
                    }
                    encoder.end(&mut frames);
                    frames.iter().for_each(|frame| frame.write_sse(&mut out));
                }
            }
        }
        Ok(out)
    }

    /// What the provider said went wrong, once it has. Its words are not among the client's bytes: who takes it
    /// decides between another try and telling the client.
    pub(crate) fn failed(&self) -> Option<&Failure> {
        self.failed.as_ref()
    }

    /// What cannot be read behind the bytes that were given last. Nothing comes after it.
    pub(crate) fn broken(&self) -> Option<&Unreadable> {
        self.broken.as_ref()
    }
}

/// Writes events up to a failure, which is given back and not written.
fn write(events: &[Event], encoder: &mut dyn Encoder, meter: &mut Meter, out: &mut BytesMut) -> Option<Failure> {
    let mut frames = Vec::new();
    for event in events {
        if let Event::Failed(failure) = event {
            return Some(failure.clone());
        }
        meter.see(event);
        encoder.event(event, &mut frames);
    }
    frames.iter().for_each(|frame| frame.write_sse(out));
    None
}
