//! Protocol Buffers, as far as OTLP needs them: fields are written one after another, and nothing is read.
//!
//! Field numbers are those of `opentelemetry-proto` 1.x. The tests read what is written with the published types.

/// A message that is being written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn number(mut self, field: u32, value: u64) -> Self {
        self.tag(field, 0);
        self.varint(value);
        self
    }

    pub(super) fn fixed(mut self, field: u32, value: u64) -> Self {
        self.tag(field, 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn double(self, field: u32, value: f64) -> Self {
        self.fixed(field, value.to_bits())
    }

    pub(super) fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.tag(field, 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    pub(super) fn text(self, field: u32, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    pub(super) fn message(self, field: u32, value: Self) -> Self {
        self.bytes(field, &value.0)
    }

    /// A message for each of these.
    pub(super) fn messages(self, field: u32, values: impl IntoIterator<Item = Self>) -> Self {
        values.into_iter().fold(self, |message, value| message.message(field, value))
    }

    /// Numbers of eight bytes, one after another.
    pub(super) fn packed(self, field: u32, values: impl IntoIterator<Item = u64>) -> Self {
        let bytes: Vec<u8> = values.into_iter().flat_map(u64::to_le_bytes).collect();
        self.bytes(field, &bytes)
    }

    fn tag(&mut self, field: u32, kind: u32) {
        self.varint(u64::from(field << 3 | kind));
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// What an attribute says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    Double(f64),
    Flag(bool),
    Texts(Vec<String>),
}

impl Value {
    pub(super) fn number(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }

    fn message(&self) -> Message {
        let message = Message::default();
        match self {
            Self::Text(text) => message.text(1, text),
            Self::Flag(flag) => message.number(2, u64::from(*flag)),
            Self::Number(number) => message.number(3, number.cast_unsigned()),
            Self::Double(number) => message.double(4, *number),
            Self::Texts(texts) => {
                let values = texts.iter().map(|text| Message::default().text(1, text));
                message.message(5, Message::default().messages(1, values))
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Attributes by name.
pub(super) type Attributes = Vec<(&'static str, Value)>;

/// The attributes as a repeated field.
pub(super) fn attributes(message: Message, field: u32, attributes: &Attributes) -> Message {
    let pairs =
        attributes.iter().map(|(name, value)| Message::default().text(1, name).message(2, value.message()));
    message.messages(field, pairs)
}

/// A resource with one scope of things in it, as every request is.
pub(super) fn request(resource: &Attributes, version: &str, field: u32, things: Vec<Message>) -> Vec<u8> {
    let scope = Message::default().text(1, "mmh").text(2, version);
    let scoped = Message::default().message(1, scope).messages(field, things);
    let resource = attributes(Message::default(), 1, resource);
    let all = Message::default().message(1, resource).message(2, scoped);
    Message::default().message(1, all).into_bytes()
}
