#include "lib/dicom/internal.h"

#include "dcmtk/oflog/oflog.h"
#include "dcmtk/oflog/spi/logevent.h"

#include <cstring>

#include "lib/base/log.h"

namespace
{
namespace oflog = dcmtk::log4cplus;

/*
 * Beginnings of lines that hold no values of elements. DCMTK's data modules print what they stumble over, so of those only
 * the fact is logged, and only when it is an error.
 */
const char *const allowed[] = {
    "A-ASSOCIATE PDU too large",
    "DUL Illegal",
    "PDU without any PDVs",
    "PDV lengths don't add up",
    "PDV with invalid length",
    "Received invalid A-ASSOCIATE-RJ",
    "TCP I/O Error",
    "TCP Initialization Error",
    "Unrecognized PDU type",
    "cannot set network",
    "socket select returned with error",
};

bool is_allowed(const char *text)
{
	for (const char *beginning : allowed)
		if (std::strncmp(text, beginning, std::strlen(beginning)) == 0)
			return true;
	return false;
}

class LogAppender : public oflog::Appender
{
      public:
	~LogAppender() override
	{
		destructorImpl();
	}
	void close() override
	{
		closed = true;
	}

      protected:
	void append(const oflog::spi::InternalLoggingEvent &event) override
	{
		const char *logger = event.getLoggerName().c_str();
		const char *text = event.getMessage().c_str();
		bool is_network = std::strcmp(logger, "dcmtk.dcmnet") == 0;
		bool is_error = event.getLogLevel() >= oflog::ERROR_LOG_LEVEL;

		if (is_network && is_allowed(text))
			log_write(is_error ? ERR_LOG_WARNING : ERR_LOG_INFO, LOG_DCMTK, "module=%s text=%s", logger,
			          text);
		else if (is_error)
			log_debug(LOG_DCMTK, "module=%s text=%s", logger, "withheld");
	}
};
} // namespace

void dicom_log_init()
{
	oflog::Logger root = oflog::Logger::getRoot();

	OFLog::configure(OFLogger::WARN_LOG_LEVEL);
	root.removeAllAppenders();
	root.addAppender(oflog::SharedAppenderPtr(new LogAppender));
	root.setLogLevel(oflog::WARN_LOG_LEVEL);
}
