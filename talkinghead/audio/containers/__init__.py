"""Files with sound: what their headers say, where joined ones begin, which of several tracks is heard."""
